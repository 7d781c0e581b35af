"""Cacheable reads."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.test import Client, RequestFactory

from monolith import Profile, entering
from monolith.http import caching
from monolith.http.bodies import Bodies
from monolith.http.caching import etag, may_be_known
from tests.monolith import http_toy
from tests.monolith.http_toy import NAME, toy_client

CACHED = f"/api/{NAME}/cached"


@pytest.fixture
def client(settings: object) -> Iterator[Client]:
    http_toy.built.clear()
    yield toy_client(settings, Profile.PUBLIC)
    http_toy.built.clear()


def test_who_holds_the_version_gets_304_and_nothing_is_built(client: Client) -> None:
    first = client.get(CACHED)
    assert first["Cache-Control"] == "public, max-age=0, s-maxage=60, stale-while-revalidate=600"
    second = client.get(CACHED, headers={"if-none-match": first["ETag"]})
    assert (second.status_code, second.content) == (304, b"")
    assert second["ETag"] == first["ETag"]
    assert second["Cache-Control"] == first["Cache-Control"]
    assert http_toy.built == [CACHED]


@pytest.mark.parametrize("form", ["W/{}", '"other", {}', "*", '"a" , W/{}'])
def test_every_form_of_if_none_match_is_understood(client: Client, form: str) -> None:
    current = client.get(CACHED)["ETag"]
    assert client.get(CACHED, headers={"if-none-match": form.format(current)}).status_code == 304


@pytest.mark.parametrize("given", ['"other"', "nonsense", "", 'W/"', '"*"'])
def test_who_holds_another_version_gets_the_body(client: Client, given: str) -> None:
    assert client.get(CACHED, headers={"if-none-match": given}).status_code == 200


def test_an_answer_may_be_known_by_its_address_or_by_the_caller(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "BODIES", Bodies())
    asked = RequestFactory()
    assert not may_be_known(asked.get(CACHED))
    assert may_be_known(asked.get(CACHED, headers={"if-none-match": '"any"'}))

    client.get(CACHED)

    assert may_be_known(asked.get(CACHED))
    assert not may_be_known(asked.get(f"{CACHED}?rows=2"))
    assert not may_be_known(RequestFactory(headers={"accept": "text/csv"}).get(CACHED), ["Accept"])


def test_head_answers_like_get_without_a_body(client: Client) -> None:
    get, head = client.get(CACHED), client.head(CACHED)
    assert (head.status_code, head.content) == (200, b"")
    assert head["ETag"] == get["ETag"]
    assert head["Content-Length"] == get["Content-Length"] == str(len(get.content))
    assert client.head(CACHED, headers={"if-none-match": get["ETag"]}).status_code == 304


def test_a_deleted_row_and_another_query_are_other_versions(client: Client) -> None:
    tags = {client.get(address)["ETag"] for address in (CACHED, f"{CACHED}?rows=2", f"{CACHED}?rows=3")}
    assert len(tags) == 3


def test_a_download_carries_its_headers_too(client: Client) -> None:
    response = client.get(f"/api/{NAME}/download")
    assert response["Content-Type"] == "application/gpx+xml"
    assert response["ETag"].startswith('"')
    assert response["Vary"] == "Accept"


def test_what_vary_names_is_part_of_the_version() -> None:
    def tag(accept: str) -> str:
        return etag(RequestFactory(headers={"accept": accept}).get("/"), [1], ["Accept"])

    assert tag("text/csv") != tag("application/json")
    assert tag("text/csv") == tag("text/csv")


def test_parts_of_a_version_do_not_run_together() -> None:
    request = RequestFactory().get("/")
    assert etag(request, ["a", "bc"]) != etag(request, ["ab", "c"])


def test_another_release_of_the_module_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    request = RequestFactory().get("/")
    with entering(NAME):
        before = etag(request, [1])
        assert caching.code_version(NAME) != caching.code_version("nobody")
        monkeypatch.setattr(caching, "code_version", lambda module: "next release")
        assert etag(request, [1]) != before


def test_python_and_sql_are_the_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(caching, "find_spec", lambda name: package)
    versions = []
    for name in ("routes.py", "walks.sql", "README.md"):
        (tmp_path / name).write_text(name)
        versions.append(caching.code_version.__wrapped__("hikes"))
    assert versions[0] != versions[1] == versions[2]
