"""The store of rendered bodies: bounded, and never older than it may be."""

import threading

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from monolith.http.bodies import MAX_BODY_BYTES, Bodies, Body, size_of
from monolith.http.caching import cacheable, finish

SMALL = size_of(("a",), b"1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put(bodies: Bodies, path: str, content: bytes, *, etag: str = "1", max_age_s: float = 60) -> None:
    bodies.put((path,), etag, content, content_type="application/json", max_age_s=max_age_s)


def get(bodies: Bodies, path: str, etag: str = "1") -> Body | None:
    return bodies.get((path,), etag)


def test_body_is_kept_for_its_address_and_etag_alone() -> None:
    bodies = Bodies()
    put(bodies, "a", b"1", etag="first")

    found = get(bodies, "a", "first")
    assert found is not None
    assert (found.content, found.content_type) == (b"1", "application/json")
    assert get(bodies, "a", "second") is None
    assert get(bodies, "b", "first") is None
    assert (bodies.has(("a",)), bodies.has(("b",))) == (True, False)


def test_another_version_takes_the_place_of_the_first() -> None:
    bodies = Bodies(max_total_bytes=2 * SMALL)
    put(bodies, "b", b"1")

    for version in ("first", "second"):
        put(bodies, "a", b"1", etag=version)

    assert get(bodies, "a", "first") is None
    assert get(bodies, "a", "second")
    assert get(bodies, "b"), "the first version is not counted any more"


def test_body_is_not_served_after_its_time() -> None:
    clock = Clock()
    bodies = Bodies(clock=clock)
    put(bodies, "a", b"1", max_age_s=60)

    clock.now = 60
    assert get(bodies, "a")
    clock.now = 60.001
    assert get(bodies, "a") is None


def test_least_recently_used_go_first() -> None:
    bodies = Bodies(max_total_bytes=3 * SMALL)
    for path in "abc":
        put(bodies, path, b"1")
    get(bodies, "a")

    put(bodies, "d", b"1")

    assert [path for path in "abcd" if get(bodies, path)] == ["a", "c", "d"]


def test_same_address_is_counted_once() -> None:
    bodies = Bodies(max_total_bytes=2 * SMALL)
    for _ in range(5):
        put(bodies, "a", b"1")
    put(bodies, "b", b"1")

    assert get(bodies, "a")
    assert get(bodies, "b")


@pytest.mark.parametrize(
    ("size", "total"), [(MAX_BODY_BYTES + 1, 10 * MAX_BODY_BYTES), (3 * SMALL, 3 * SMALL)]
)
def test_body_that_is_too_large_is_not_kept(size: int, total: int) -> None:
    bodies = Bodies(max_total_bytes=total)
    put(bodies, "b", b"1")

    put(bodies, "a", b"1", etag="before")
    put(bodies, "a", b"x" * size)

    assert get(bodies, "a") is None
    assert not bodies.has(("a",)), "what was kept before is another version"
    assert get(bodies, "b")


def test_what_a_caller_makes_up_counts_too() -> None:
    bodies = Bodies(max_total_bytes=10 * SMALL)
    put(bodies, "x" * 10 * SMALL, b"1")
    assert not bodies.has(("x" * 10 * SMALL,))


def test_threads_do_not_lose_count() -> None:
    bodies = Bodies(max_total_bytes=20 * size_of(("a100",), b"12345"))

    def fill(name: str) -> None:
        for number in range(100, 600):
            put(bodies, f"{name}{number}", b"12345")

    threads = [threading.Thread(target=fill, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = [body for name in "abcd" for number in range(100, 600) if (body := get(bodies, f"{name}{number}"))]
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

    assert built == [1, 2, 1]
    assert [answer.content for answer in answers] == [b"1", b"1", b"2", b"2", b"1"]
    assert len({answer["ETag"] for answer in answers}) == 2
