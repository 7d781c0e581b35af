"""Calls from another process as their owner sees them: whom it believes, what it answers."""

import json
import logging
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import Resolver404, path, resolve
from pydantic import SecretStr

from monolith import Module, Profile, Tier, compose, current_module, entering
from monolith.contracts import call_scope
from monolith.contracts.endpoint import endpoint_of
from monolith.contracts.scope import CallScope
from monolith.contracts.tokens import Caller, Signer
from monolith.contracts.wire import MAX_ARGUMENTS
from monolith.models import CommandRecord

KEY: Final = "a key of calls to ships" + "." * 16
REFUSED: Final = "urn:fastmonolith:call:caller-refused"
MODULES: Final = [
    Module(name="hikes", tier=Tier.BOTH, requires=("ships",)),
    Module(
        name="ships",
        tier=Tier.BOTH,
        contract="tests.monolith.promised.ships",
        api="tests.monolith.promised.ships_api",
    ),
    Module(name="idle", tier=Tier.BOTH),
]


@pytest.fixture
def client(settings: Any) -> Client:
    """A browser's view of a private process that provides ships; it has no session and no CSRF token."""
    composition = compose(
        Profile.PRIVATE, MODULES, {"MONOLITH_SECRET_KEY": "x", "MONOLITH_CONTRACT_KEYS_SHIPS": KEY}
    )
    urls = ModuleType("endpoint_urls")
    vars(urls).update(
        urlpatterns=[path("contracts/<path:path>", endpoint_of(composition))],
        handler404="monolith.http.error_pages.not_found",
        handler500="monolith.http.error_pages.server_error",
    )
    settings.ROOT_URLCONF = urls
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def token(caller: Caller = Caller("hikes"), *, audience: str = "ships", key: str = KEY) -> str:  # noqa: B008
    return Signer(audience, [SecretStr(key)]).token(caller)


def post(
    client: Client,
    operation: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    **arguments: Any,
) -> Any:
    return client.post(
        f"/contracts/ships/{operation}",
        json.dumps(arguments).encode() if body is None else body,
        "application/json",
        headers={"Authorization": f"Bearer {token()}"} | (headers or {}),
    )


def problem(response: Any) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == response.status_code
    return document


def test_result_is_json_that_no_cache_keeps(client: Client) -> None:
    response = post(client, "get", mmsi=7, name="Ark", headers={"X-Request-ID": "0123456789"})

    assert (response.status_code, json.loads(response.content)) == (
        200,
        {"mmsi": 7, "name": "Ark", "seen_at": None},
    )
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-ID"] == "0123456789"


def test_declared_error_is_a_problem_document_with_its_data(client: Client) -> None:
    response = post(client, "get", mmsi=404)

    assert problem(response) == {
        "type": "urn:fastmonolith:ships:vessel-unknown",
        "title": "No vessel has this number",
        "status": 404,
        "detail": "No vessel has this number (mmsi=404, seen_at=datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))",
        "data": {"mmsi": 404, "seen_at": "2026-01-01T00:00:00Z"},
    }


def test_failure_of_the_provider_is_logged_and_not_told(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = post(client, "get", mmsi=500)

    assert problem(response)["type"] == "urn:fastmonolith:call:provider-failure"
    assert b"private matter" not in response.content
    assert "a private matter" in caplog.text


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"mmsi": "7"}', "mmsi"),
        (b"{}", "mmsi"),
        (b'{"mmsi": 7, "flag": "GB"}', "flag"),
        (b"[]", "value"),
        (b"not json", "value"),
        (b"", "value"),
        (b"\xff\xfe", "value"),
    ],
)
def test_arguments_that_are_not_of_the_contract_are_named(client: Client, body: bytes, place: str) -> None:
    document = problem(post(client, "get", body))

    assert (document["status"], document["type"]) == (422, "urn:fastmonolith:call:invalid-call")
    assert document["problems"][0].startswith(f"{place}: ")


def test_provider_runs_as_its_module_for_the_tenant_and_actor_of_the_token(client: Client) -> None:
    bearer = token(Caller("hikes", tenant="acme", actor="user:7"))

    response = post(client, "whoami", headers={"Authorization": f"Bearer {bearer}"})

    assert json.loads(response.content) == ["ships", "acme", "user:7", "None", "False"]
    assert call_scope() == CallScope()
    assert current_module() == "platform"


def test_provider_reads_only_where_its_caller_may_do_no_more(client: Client) -> None:
    bearer = token(Caller("hikes", reads_only=True))

    response = post(client, "whoami", headers={"Authorization": f"Bearer {bearer}"})

    assert json.loads(response.content)[4] == "True"
    assert call_scope() == CallScope()


def test_deadline_is_what_the_caller_still_waits(client: Client) -> None:
    before = time.monotonic()

    response = post(client, "whoami", headers={"X-Contract-Deadline": "2.5"})

    deadline = float(json.loads(response.content)[3])
    assert before + 2.5 <= deadline <= time.monotonic() + 2.5


@pytest.mark.parametrize("seconds", ["0", "-1", "0.000"])
def test_call_that_arrives_too_late_is_not_answered(client: Client, seconds: str) -> None:
    response = post(client, "get", mmsi=500, headers={"X-Contract-Deadline": seconds})

    assert problem(response)["type"] == "urn:fastmonolith:call:deadline-exceeded"


@pytest.mark.parametrize("seconds", ["", "soon", "nan", "inf", "-inf", "1e999"])
def test_deadline_that_is_no_number_is_a_bad_request(client: Client, seconds: str) -> None:
    response = post(client, "get", mmsi=1, headers={"X-Contract-Deadline": seconds})

    assert problem(response)["status"] == 400


@pytest.mark.parametrize(
    "authorization",
    [
        lambda: "",
        lambda: "Bearer ",
        lambda: "Bearer not-a-token",
        lambda: f"Basic {token()}",
        lambda: f"Bearer {token(audience='hikes')}",
        lambda: f"Bearer {token(key='another key' + '.' * 32)}",
        *(
            lambda name=name: f"Bearer {token(Caller(name))}"
            for name in ("idle", "ships", "platform", "x", "")
        ),
    ],
)
def test_caller_that_is_not_proved_or_not_listed_is_refused_without_a_reason(
    client: Client, caplog: pytest.LogCaptureFixture, authorization: Callable[[], str]
) -> None:
    given = authorization()
    response = post(client, "get", mmsi=500, headers={"Authorization": given})

    document = problem(response)
    assert (document["status"], document["type"]) == (403, REFUSED)
    assert document["detail"] == "its owner does not serve this caller; the owner's log says why"
    [record] = [r for r in caplog.records if r.levelno == logging.WARNING and r.name == "monolith.contracts"]
    assert record.message.startswith("a call of ships.get was refused: ")
    assert not given.removeprefix("Bearer ") or given not in caplog.text


def test_nothing_but_the_token_says_who_calls(client: Client) -> None:
    claimed = dict.fromkeys(
        ["X-Forwarded-User", "X-Contract-Caller", "X-Remote-User", "X-Forwarded-For", "From"], "hikes"
    )

    response = post(client, "get", mmsi=1, headers={**claimed, "Authorization": ""})

    assert problem(response)["type"] == REFUSED


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize(
    "name", ["ships/nothing", "ships/v2/get", "ships/get/", "ships", "idle/get", "", "../x"]
)
def test_what_nobody_promises_is_not_found(client: Client, name: str, accept: str) -> None:
    response = client.post(f"/contracts/{name}", b"{}", "application/json", headers={"Accept": accept})

    assert problem(response)["status"] == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_operation_is_called_by_post_alone(client: Client, method: str) -> None:
    response = getattr(client, method)("/contracts/ships/get", headers={"Authorization": f"Bearer {token()}"})

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.headers["Content-Type"] == "application/problem+json"


def test_body_that_is_too_large_is_refused_before_it_is_read(client: Client) -> None:
    response = post(client, "echo", b"x" * (MAX_ARGUMENTS + 1))

    assert problem(response)["status"] == 413


def test_large_body_is_taken(client: Client) -> None:
    vessels = [{"mmsi": number, "name": "x" * 1000} for number in range(3000)]

    response = post(client, "echo", vessels=vessels)

    assert len(json.loads(response.content)) == 3000


@pytest.mark.django_db(databases="__all__")
def test_command_operation_runs_once_for_each_caller_and_key_with_the_role_of_its_module(
    client: Client,
) -> None:
    first = post(client, "rename", idempotency_key="k", mmsi=1, name="Ark")
    again = post(client, "rename", idempotency_key="k", mmsi=1, name="Ark")
    other = post(client, "rename", idempotency_key="k", mmsi=1, name="Bark")

    assert json.loads(first.content) == {"mmsi": 1, "name": "Ark by ships_rw", "seen_at": None}
    assert again.content == first.content
    assert problem(other)["type"] == "urn:fastmonolith:call:idempotency-conflict"


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("key", ["k" * 201, "k\0"], ids=["too long", "NUL"])
def test_a_key_that_no_index_holds_is_refused_before_anything_happens(client: Client, key: str) -> None:
    told = problem(post(client, "rename", idempotency_key=key, mmsi=1, name="Ark"))

    assert (told["status"], told["type"]) == (422, "urn:fastmonolith:call:invalid-call")
    assert told["problems"][0].startswith("idempotency_key: ")
    with entering("ships"):
        assert not CommandRecord.objects.exists()


def test_process_without_keys_refuses_and_says_so_in_its_log(
    settings: Any, caplog: pytest.LogCaptureFixture, client: Client
) -> None:
    composition = compose(Profile.PRIVATE, MODULES, {"MONOLITH_SECRET_KEY": "x"})
    settings.ROOT_URLCONF.urlpatterns[:] = [path("contracts/<path:path>", endpoint_of(composition))]

    assert problem(post(client, "get", mmsi=1))["type"] == REFUSED
    assert "MONOLITH_CONTRACT_KEYS_SHIPS" in caplog.text


def test_public_tier_has_no_such_address(settings: Any) -> None:
    assert (
        resolve("/contracts/stars/sun_times", "monolith.http.private_urls").route == "contracts/<path:path>"
    )
    with pytest.raises(Resolver404):
        resolve("/contracts/stars/sun_times", "monolith.http.public_urls")


def test_gate_answers_its_own_callers_alone(settings: Any) -> None:
    stranger = Module(name="idle", tier=Tier.BOTH, requires=("ships",))
    urls = ModuleType("gate_urls")
    environ = {"MONOLITH_SECRET_KEY": "x", "MONOLITH_CONTRACT_KEYS_SHIPS": KEY, "MONOLITH_MODULES": "ships"}
    endpoint = endpoint_of(compose(Profile.PRIVATE, [*MODULES[:2], stranger], environ))
    vars(urls).update(urlpatterns=[path("contracts/<path:path>", endpoint)])
    settings.ROOT_URLCONF = urls
    client = Client(enforce_csrf_checks=True)

    def ask(caller: str, operation: str, **arguments: Any) -> int:
        headers = {"Authorization": f"Bearer {token(Caller(caller))}"}
        return int(post(client, operation, headers=headers, **arguments).status_code)

    assert ask("hikes", "allow", subject="ann") == 200
    assert ask("idle", "allow", subject="ann") == 403
    assert ask("idle", "get", mmsi=7) == 200  # what is no gate answers everyone who requires it
