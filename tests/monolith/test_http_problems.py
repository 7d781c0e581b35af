"""Errors: one problem document per family, and pages for people outside the routes."""

import logging

import pytest
from django.test import Client

from monolith import Profile
from monolith.http.problems import PROBLEM_TYPE, Problem, field_error
from tests.monolith.http_toy import NAME, toy_client

API = f"/api/{NAME}"
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def client(settings: object) -> Client:
    return toy_client(settings, Profile.PUBLIC)


def test_a_raised_problem_becomes_its_document(client: Client) -> None:
    response = client.get(f"{API}/things/12")
    assert response.status_code == 404
    assert response["Content-Type"] == PROBLEM_TYPE
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {
        "type": "/problems/thing-not-found",
        "title": "Thing not found",
        "status": 404,
        "detail": "No thing is 12.",
        "known": 9,
        "request_id": response["X-Request-ID"],
    }


def test_every_refused_field_is_named_by_its_pointer_into_the_body(client: Client) -> None:
    body = {"name": 1, "points": [{"latitude": 1}, {"latitude": 100}]}
    response = client.post(f"{API}/lines", body, content_type="application/json")
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["#/name", "#/points/1/latitude"]


def test_a_refused_parameter_is_named(client: Client) -> None:
    response = client.get(f"{API}/window?limit=0")
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["location"], error["name"]) == ("query", "limit")


def test_a_validators_words_reach_the_caller_once_and_under_the_callers_name(client: Client) -> None:
    response = client.get(f"{API}/window?box=1,2")
    assert response.json()["errors"] == [
        {"detail": "a box is four numbers", "location": "query", "name": "box"}
    ]


def test_a_pointer_escapes_what_json_pointer_reserves() -> None:
    assert field_error("body", "a/b", "c~d", 0, detail="no")["pointer"] == "#/a~1b/c~0d/0"


@pytest.mark.parametrize("body", ['{"name', "", "[" * 100_000, '"\\ud800"', "\xff"])
def test_a_body_that_is_not_what_was_asked_for_is_the_callers_fault(client: Client, body: str) -> None:
    response = client.post(f"{API}/lines", body, content_type="application/json")
    assert response.status_code in (400, 422)
    assert response["Content-Type"] == PROBLEM_TYPE


def test_a_broken_multipart_body_is_the_callers_fault(client: Client) -> None:
    response = client.post(f"{API}/lines", "x", content_type="multipart/form-data; boundary=")
    assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("missing", 404),
        ("denied", 403),
        ("bug", 500),
        ("boundary", 500),
        ("away", 503),
        ("huge", 400),
        ("divided", 500),
    ],
)
def test_no_failure_tells_its_details(client: Client, how: str, status: int) -> None:
    response = client.get(f"{API}/fail/{how}")
    assert (response.status_code, response["Content-Type"]) == (status, PROBLEM_TYPE)
    assert "secret" not in response.text
    assert response.json()["request_id"] == response["X-Request-ID"]


def test_a_failure_is_logged_with_traceback_and_request_id(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get(f"{API}/fail/bug", headers={"x-request-id": "from-the-proxy-1"})
    (record,) = [record for record in caplog.records if record.name == "monolith.http"]
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert record.request_id == "from-the-proxy-1"  # type: ignore[attr-defined]


def test_a_failure_reaches_the_test_client_and_error_trackers(settings: object) -> None:
    client = toy_client(settings, Profile.PUBLIC)
    client.raise_request_exception = True
    with pytest.raises(RuntimeError):
        client.get(f"{API}/fail/bug")


def test_an_absent_database_says_when_to_come_back(client: Client) -> None:
    for address in (f"{API}/fail/away", "/broken?how=away"):
        response = client.get(address)
        assert (response.status_code, response["Retry-After"]) == (503, "2")


def test_who_asks_too_often_learns_when_to_come_back(client: Client) -> None:
    client.get(f"{API}/slow")
    response = client.get(f"{API}/slow")
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 3600
    assert response["Content-Type"] == PROBLEM_TYPE


def test_a_method_that_is_not_served_names_those_that_are(client: Client) -> None:
    for address in (f"{API}/scope", "/"):
        response = client.put(address)
        assert (response.status_code, response["Content-Type"]) == (405, PROBLEM_TYPE)
        assert {method.strip() for method in response["Allow"].split(",")} == {"GET", "HEAD"}


def test_people_get_a_page_and_programs_a_document(client: Client) -> None:
    page = client.get("/nowhere", headers=BROWSER)
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
    assert page["Vary"] == "Accept"
    assert page["X-Request-ID"] in page.text
    for accept in ("application/json", "*/*", "", "garbage;;q=x,,"):
        document = client.get("/nowhere", headers={"accept": accept})
        assert (document.status_code, document["Content-Type"]) == (404, PROBLEM_TYPE)


def test_routes_answer_browsers_with_documents_too(client: Client) -> None:
    response = client.get("/api/nobody/nothing", headers=BROWSER)
    assert (response.status_code, response["Content-Type"]) == (404, PROBLEM_TYPE)


@pytest.mark.parametrize(("how", "status"), [("missing", 404), ("denied", 403), ("bug", 500), ("away", 503)])
def test_pages_fail_like_routes(client: Client, how: str, status: int) -> None:
    for headers in (BROWSER, {"accept": "application/json"}):
        response = client.get(f"/broken?how={how}", headers=headers)
        assert response.status_code == status
        assert "secret" not in response.text


def test_a_host_that_is_not_served_is_refused_except_to_probes(client: Client) -> None:
    for address in ("/", f"{API}/scope"):
        response = client.get(address, headers={"host": "evil.example"})
        assert (response.status_code, response["Content-Type"]) == (400, PROBLEM_TYPE)
    assert client.get("/healthz", headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_a_problem_reads_well_in_a_log() -> None:
    assert (
        str(Problem(404, detail="No walk is called nowhere.")) == "404 Not Found: No walk is called nowhere."
    )
