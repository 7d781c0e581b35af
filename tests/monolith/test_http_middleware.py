"""Limits, the current module and headers around every request."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from monolith import Profile, compose, current_module
from monolith.context import HOST, Scope, current_scope
from monolith.contracts import call_scope
from monolith.http.limits import MAX_BODY, MAX_PRIVATE_BODY, MEGABYTE, body_limit
from monolith.http.middleware import ModuleMiddleware
from monolith.http.problems import PROBLEM_TYPE
from settings.modules import MODULES
from tests.monolith.http_toy import NAME, Closing, toy_client

API = f"/api/{NAME}"


@pytest.fixture
def client(settings: object) -> Client:
    return toy_client(settings, Profile.PUBLIC)


@pytest.fixture
def private_client(settings: object) -> Client:
    return toy_client(settings, Profile.PRIVATE)


def scope_of(path: str) -> Scope:
    """Return the scope in which a private process serves `path`."""
    seen: list[Scope] = []

    def view(request: object) -> HttpResponseBase:
        seen.append(current_scope())
        return HttpResponse()

    ModuleMiddleware(view)(RequestFactory().get(path))
    return seen[0]


def test_a_route_runs_as_its_module_and_leaves_nothing_behind(client: Client) -> None:
    assert client.get(f"{API}/scope").json() == NAME
    client.get(f"{API}/fail/bug")
    assert current_scope() is HOST


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/",
        "/api/docs",
        "/api/openapi.json",
        "/api/nobody/x",
        f"/{NAME}",
        "/healthz",
        "/admin/",
        "/admin/auth/user/",
    ],
)
def test_everything_else_runs_as_the_host(path: str) -> None:
    assert scope_of(path) is HOST


@pytest.mark.parametrize(
    "path", [f"/admin/{NAME}/", f"/admin/{NAME}/x/1/change/", f"/admin/autocomplete/?app_label={NAME}"]
)
def test_an_admin_page_runs_as_its_module_and_may_touch_the_platform(path: str) -> None:
    assert scope_of(path) == Scope(NAME, with_platform=True)


@pytest.mark.parametrize(
    "path", ["/admin/autocomplete/", "/admin/autocomplete/?app_label=auth", "/admin/r/x/1/", "/admin/jsi18n/"]
)
def test_admin_pages_of_no_module_run_as_the_host(path: str) -> None:
    assert scope_of(path) is HOST


@pytest.mark.django_db(databases="__all__")
def test_view_on_site_runs_as_the_objects_module() -> None:
    content_type = ContentType.objects.create(app_label=NAME, model="unheard_of")
    assert scope_of(f"/admin/r/{content_type.pk}/1/") == Scope(NAME, with_platform=True)
    assert scope_of("/admin/r/999999/1/") is HOST


def test_a_stream_is_made_and_closed_as_its_module(client: Client) -> None:
    Closing.closed_as = None
    response = client.get(f"{API}/stream")
    chunks = iter(response.streaming_content)  # type: ignore[attr-defined]
    assert next(chunks) == NAME.encode()
    assert current_scope() is HOST
    assert next(chunks) == NAME.encode()
    response.close()
    assert Closing.closed_as == NAME
    assert current_module() != NAME


@pytest.mark.django_db(databases="__all__")
def test_a_module_may_look_at_the_user_without_touching_the_platform(private_client: Client) -> None:
    user = get_user_model().objects.create_user("ada", password="x", is_staff=True)
    private_client.force_login(user)
    response = private_client.get(f"{API}/me")
    assert (response.status_code, response.json()) == (200, f"ada {NAME}")


def test_an_anonymous_call_of_a_public_route_asks_no_session(private_client: Client) -> None:
    response = private_client.get(f"{API}/scope")  # without database access this would fail
    assert (response.status_code, response.headers.get("Vary")) == (200, None)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: Client) -> None:
    response = client.post(f"{API}/lines", "x" * (MAX_BODY + 1), content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (413, PROBLEM_TYPE)


@pytest.mark.django_db(databases="__all__")
def test_a_private_route_may_ask_for_more(private_client: Client) -> None:
    private_client.force_login(get_user_model().objects.create_user("ada", password="x", is_staff=True))
    sizes = {MAX_BODY + 1: 200, 2 * MEGABYTE: 200, 2 * MEGABYTE + 1: 413}
    for size, status in sizes.items():
        response = private_client.post(f"{API}/uploads", "x" * size, content_type="text/plain")
        assert response.status_code == status
    response = private_client.post(f"{API}/change", "x" * (MAX_BODY + 1), content_type="text/plain")
    assert response.status_code == 413


def test_no_route_may_ask_for_more_than_django_holds() -> None:
    with pytest.raises(ValueError, match=str(MAX_PRIVATE_BODY)):
        body_limit(MAX_PRIVATE_BODY + 1)


def test_a_get_with_a_body_is_refused(client: Client) -> None:
    response = client.generic("GET", f"{API}/scope", "x")
    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM_TYPE)


def test_a_get_with_a_body_where_none_is_served_learns_that_first(client: Client) -> None:
    assert client.generic("GET", f"{API}/lines", "x").status_code == 405


def test_a_body_of_unknown_length_is_refused(client: Client) -> None:
    response = client.post(f"{API}/lines", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")
    assert response.status_code == 411


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "x"])
def test_a_length_that_is_no_number_is_refused(client: Client, length: str) -> None:
    assert client.post(f"{API}/lines", CONTENT_LENGTH=length).status_code == 400


def test_queries_are_bounded(client: Client) -> None:
    assert client.get(f"{API}/scope?{'x' * 4096}").status_code == 200
    assert client.get(f"{API}/scope?{'x' * 4097}").status_code == 414
    assert client.get(f"{API}/window?{'&'.join(['a=1'] * 101)}").status_code == 400


def test_a_zero_byte_never_reaches_a_route(client: Client) -> None:
    assert client.get(f"{API}/fail/%00").status_code == 400
    assert client.get(f"{API}/window?limit=%00").status_code == 400


def test_a_sane_request_id_is_kept_and_others_are_replaced(client: Client) -> None:
    assert (
        client.get("/healthz", headers={"x-request-id": "Trace-01.a:b_c"})["X-Request-ID"] == "Trace-01.a:b_c"
    )
    for given in ("short", "with space", "x" * 129, "line\nbreak-line", ""):
        assert client.get("/healthz", headers={"x-request-id": given})["X-Request-ID"] not in ("", given)


def test_made_request_ids_differ(client: Client) -> None:
    assert client.get("/healthz")["X-Request-ID"] != client.get("/healthz")["X-Request-ID"]


@pytest.mark.parametrize("profile", [Profile.PUBLIC, Profile.PRIVATE])
def test_every_answer_carries_the_security_headers(settings: object, profile: Profile) -> None:
    client = toy_client(settings, profile)
    for address in ("/", f"{API}/scope", f"{API}/fail/bug", "/nowhere", "/healthz"):
        headers = client.get(address, headers={"accept": "text/html"}).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert ("Permissions-Policy" in headers) == headers["Content-Type"].startswith("text/html")


def test_a_request_makes_as_many_contract_calls_as_it_may(settings: Any) -> None:
    composition = compose(
        Profile.PRIVATE, MODULES, {"MONOLITH_SECRET_KEY": "toy", "MONOLITH_CALLS_PER_REQUEST": "2"}
    )
    settings.MONOLITH = composition
    budgets: list[int] = []

    def view(request: object) -> HttpResponseBase:
        budget = call_scope().budget
        assert budget is not None
        budget.spend("toy.call")
        budgets.append(budget.limit - budget.used)
        return HttpResponse()

    served = ModuleMiddleware(view)
    for _ in range(2):
        served(RequestFactory().get(f"{API}/walks"))
    assert budgets == [1, 1]
    assert call_scope().budget is None
