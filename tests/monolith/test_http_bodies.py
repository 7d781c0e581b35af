"""The store of rendered bodies: bounded, and never older than it may be."""

import threading

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from monolith.http.bodies import MAX_BODY_BYTES, Bodies
from monolith.http.caching import cacheable, finish


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put(bodies: Bodies, etag: str, content: bytes, max_age_s: float = 60) -> None:
    bodies.put(etag, content, content_type="application/json", max_age_s=max_age_s)


def test_body_is_kept_for_its_etag_alone() -> None:
    bodies = Bodies()
    put(bodies, "a", b"1")

    found = bodies.get("a")
    assert found is not None
    assert (found.content, found.content_type) == (b"1", "application/json")
    assert bodies.get("b") is None


def test_body_is_not_served_after_its_time() -> None:
    clock = Clock()
    bodies = Bodies(clock=clock)
    put(bodies, "a", b"1", max_age_s=60)

    clock.now = 60
    assert bodies.get("a")
    clock.now = 60.001
    assert bodies.get("a") is None


def test_least_recently_used_go_first() -> None:
    bodies = Bodies(max_total_bytes=3)
    for etag in "abc":
        put(bodies, etag, b"1")
    bodies.get("a")

    put(bodies, "d", b"1")

    assert [etag for etag in "abcd" if bodies.get(etag)] == ["a", "c", "d"]


def test_same_etag_is_counted_once() -> None:
    bodies = Bodies(max_total_bytes=2)
    for _ in range(5):
        put(bodies, "a", b"1")
    put(bodies, "b", b"1")

    assert bodies.get("a")
    assert bodies.get("b")


@pytest.mark.parametrize(("size", "total"), [(MAX_BODY_BYTES + 1, 10 * MAX_BODY_BYTES), (11, 10)])
def test_body_that_is_too_large_is_not_kept(size: int, total: int) -> None:
    bodies = Bodies(max_total_bytes=total)
    put(bodies, "small", b"1")

    put(bodies, "a", b"x" * size)

    assert bodies.get("a") is None
    assert bodies.get("small")


def test_threads_do_not_lose_count() -> None:
    bodies = Bodies(max_total_bytes=100)

    def fill(name: str) -> None:
        for number in range(500):
            put(bodies, f"{name}{number}", b"12345")

    threads = [threading.Thread(target=fill, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = [body for name in "abcd" for number in range(500) if (body := bodies.get(f"{name}{number}"))]
    assert sum(len(body.content) for body in kept) == 100


def test_version_that_changes_is_built_again_and_one_that_does_not_is_not() -> None:
    built: list[int] = []

    def ask(version: int) -> HttpResponse:
        def build() -> int:
            built.append(version)
            return version

        request = RequestFactory().get("/api/none/bodies")
        answer = cacheable(request, version=[version], max_age_s=60, revalidate_s=0, build=build)
        if isinstance(answer, HttpResponse):
            return answer
        response = HttpResponse(str(answer), content_type="application/json")
        finish(request, response)
        return response

    answers = [ask(version) for version in (1, 1, 2, 2, 1)]

    assert built == [1, 2]
    assert [answer.content for answer in answers] == [b"1", b"1", b"2", b"2", b"1"]
    assert len({answer["ETag"] for answer in answers}) == 2
