"""The tiers' APIs and their descriptions."""

import sys
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.test import Client
from ninja import Router, Schema

from monolith import CompositionError, Module, Profile, Tier
from monolith.http.api import TierAPI
from tests.monolith.http_toy import NAME, toy_api, toy_client

API = f"/api/{NAME}"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemSchema"}}}


@pytest.fixture
def private_client(settings: object) -> Client:
    return toy_client(settings, Profile.PRIVATE, enforce_csrf_checks=True)


def described(profile: Profile, settings: object) -> dict[str, Any]:
    document: dict[str, Any] = toy_client(settings, profile).get("/api/openapi.json").json()
    return document


def api_with(**routers: Router) -> TierAPI:
    """Make a private API of one module with these routers."""
    routes = ModuleType("toy_of_this_test")
    vars(routes).update(routers)
    sys.modules[routes.__name__] = routes
    try:
        return TierAPI(Profile.PRIVATE, {"toy": Module(name="toy", tier=Tier.BOTH, routes=routes.__name__)})
    finally:
        del sys.modules[routes.__name__]


def answer(request: HttpRequest) -> str:
    return ""


def answer_about(request: HttpRequest, slug: str) -> str:
    return slug


def answer_to(request: HttpRequest, name: str) -> str:
    return name


def test_the_public_tier_has_no_private_route(settings: object) -> None:
    paths = described(Profile.PUBLIC, settings)["paths"]
    assert f"{API}/scope" in paths
    assert f"{API}/me" not in paths
    assert toy_client(settings, Profile.PUBLIC).get(f"{API}/me").status_code == 404


def test_the_private_tier_has_both(settings: object) -> None:
    assert {f"{API}/scope", f"{API}/me"} <= described(Profile.PRIVATE, settings)["paths"].keys()


def test_every_operation_has_an_id_of_its_own(settings: object) -> None:
    operations = [
        op for methods in described(Profile.PRIVATE, settings)["paths"].values() for op in methods.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert f"{NAME}_scope" in ids
    assert len(ids) == len(set(ids))


def test_every_operation_describes_the_problems_it_may_answer_with(settings: object) -> None:
    paths = described(Profile.PRIVATE, settings)["paths"]
    for path, methods in paths.items():
        for operation in methods.values():
            responses = operation["responses"]
            expected = {"400", "414", "500", "503"}
            expected |= {"404"} if "{" in path else set()
            expected |= {"401", "403"} if "security" in operation else set()
            expected |= {"411", "413", "422"} if "requestBody" in operation else set()
            assert expected <= responses.keys()
            for status, response in responses.items():
                if int(status) >= 400:
                    assert response["content"] == PROBLEM
    assert "429" in paths[f"{API}/slow"]["get"]["responses"]
    assert "429" not in paths[f"{API}/scope"]["get"]["responses"]


def test_the_description_refers_to_nothing_it_lacks(settings: object) -> None:
    document = described(Profile.PRIVATE, settings)
    missing = [reference for reference in references(document) if not found(document, reference)]
    assert missing == []


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [reference for value in node.values() for reference in references(value)]
    return [reference for value in node for reference in references(value)] if isinstance(node, list) else []


def found(document: Any, reference: str) -> bool:
    for part in reference.removeprefix("#/").split("/"):
        document = document.get(part)
    return document is not None


def test_modules_may_name_their_schemas_alike(settings: object) -> None:
    settings.ROOT_URLCONF = "monolith.http.private_urls"  # type: ignore[attr-defined]
    own, other = ModuleType("own"), ModuleType("other")
    for routes, kind in ((own, int), (other, str)):
        sys.modules[routes.__name__] = routes
        router = Router()
        schema = type("Track", (Schema,), {"__annotations__": {"points": kind}})
        router.get("/track", response=schema)(answer)
        vars(routes)["public"] = router
    try:
        modules = {n: Module(name=n, tier=Tier.BOTH, routes=n) for n in ("own", "other")}
        document = TierAPI(Profile.PRIVATE, modules).get_openapi_schema()
    finally:
        del sys.modules["own"], sys.modules["other"]
    schemas = document["components"]["schemas"]
    assert schemas["own.Track"]["properties"]["points"]["type"] == "integer"
    assert schemas["other.Track"]["properties"]["points"]["type"] == "string"
    for name in modules:
        response = document["paths"][f"/api/{name}/track"]["get"]["responses"]["200"]
        assert response["content"]["application/json"]["schema"]["$ref"].endswith(f"/{name}.Track")


def test_head_goes_wherever_get_does_and_is_not_described_twice(settings: object) -> None:
    client = toy_client(settings, Profile.PUBLIC)
    assert client.head(f"{API}/scope").status_code == 200
    assert "head" not in client.get("/api/openapi.json").json()["paths"][f"{API}/scope"]


def test_an_api_can_be_made_twice_in_one_process() -> None:
    first, second = toy_api(Profile.PRIVATE), toy_api(Profile.PRIVATE)
    assert len(first.urls[0]) == len(second.urls[0])


def test_two_routers_that_serve_one_path_are_refused() -> None:
    public, private = Router(), Router()
    public.get("/walks/{slug}")(answer_about)
    private.post("/walks/{name}", operation_id="other")(answer_to)
    with pytest.raises(CompositionError, match=r"two routers serve /api/toy/walks/<>"):
        api_with(public=public, private=private)


def test_two_operations_with_one_id_are_refused() -> None:
    public, private = Router(), Router()
    public.get("/walks")(answer)
    private.post("/uploads")(answer)
    with pytest.raises(CompositionError, match="operation id 'toy_answer'"):
        api_with(public=public, private=private)


def test_routes_without_a_router_are_refused() -> None:
    with pytest.raises(CompositionError, match="neither `public` nor `private`"):
        api_with()


def test_who_has_no_session_is_asked_to_sign_in(private_client: Client) -> None:
    for response in (
        private_client.get(f"{API}/me"),
        private_client.post(f"{API}/change", {"name": "x", "points": []}, content_type="application/json"),
    ):
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Session"


@pytest.mark.django_db(databases="__all__")
def test_a_made_up_session_is_none(private_client: Client) -> None:
    private_client.cookies["sessionid"] = "made-up"
    assert private_client.get(f"{API}/me").status_code == 401


@pytest.mark.django_db(databases="__all__")
def test_staff_alone_may_call_private_routes(private_client: Client) -> None:
    users = get_user_model().objects
    private_client.force_login(users.create_user("visitor", password="x"))
    assert private_client.get(f"{API}/me").status_code == 403
    ada = users.create_user("ada", password="x", is_staff=True)
    private_client.force_login(ada)
    assert private_client.get(f"{API}/me").status_code == 200
    users.filter(pk=ada.pk).update(is_active=False)
    assert private_client.get(f"{API}/me").status_code == 401


@pytest.mark.django_db(databases="__all__")
def test_whatever_changes_something_needs_the_token(private_client: Client) -> None:
    private_client.force_login(get_user_model().objects.create_user("ada", password="x", is_staff=True))
    body = {"name": "x", "points": []}
    refused = private_client.post(f"{API}/change", body, content_type="application/json")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/csrf")
    private_client.get("/api/docs")
    token = private_client.cookies["csrftoken"].value
    response = private_client.post(
        f"{API}/change", body, content_type="application/json", headers={"x-csrftoken": token}
    )
    assert (response.status_code, response.json()) == (200, "x")
