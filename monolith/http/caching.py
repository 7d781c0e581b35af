"""Cacheable reads: a strong ETag that follows from the rows, and no body built twice for it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags

from monolith.composition import composed
from monolith.context import current_module
from monolith.http.bodies import BODIES, Address

_KEY: Final = "monolith.cache_headers"


def cacheable[T](
    request: HttpRequest,
    *,
    version: Iterable[object],
    max_age_s: int,
    revalidate_s: int,
    build: Callable[[], T],
    vary: Iterable[str] = (),
) -> T | HttpResponse:
    """Return what `build` returns, or 304 without building it when the caller holds this version.

    `version` is what the answer depends on: the rows' greatest updated_at, their count (a deletion must
    change it) and the hour where time matters. The request's path, query and the headers in `vary` are added
    here, and so is the module's code. `max_age_s` (seconds) is for shared caches only, which may serve for
    `revalidate_s` longer while they ask again.

    A body that this process rendered for the same ETag within `max_age_s` is sent again without building it.

    Return it from a Ninja route: the headers reach the answer whether `build` gives data or an HttpResponse.
    """
    names = tuple(vary)
    address = _address(request, names)
    headers = {
        "ETag": _etag(address, version),
        "Cache-Control": f"public, max-age=0, s-maxage={max_age_s}, stale-while-revalidate={revalidate_s}",
    }
    if names:
        headers["Vary"] = ", ".join(names)
    if _holds(request, headers["ETag"]):
        return HttpResponse(status=304, headers=headers)
    if body := BODIES.get(address, headers["ETag"]):
        return HttpResponse(body.content, content_type=body.content_type, headers=headers)
    built = build()
    if isinstance(built, HttpResponseBase):
        apply_headers(built, headers)
    else:
        request.META[_KEY] = Pending(address, headers, max_age_s)
    return built


def may_be_known(request: HttpRequest, vary: Iterable[str] = ()) -> bool:
    """Say whether the answer may not have to be built: the caller names a version, or a body of this address is kept.

    Then a route does well to ask for the version alone, and for the rows in `build`. Otherwise it will need both,
    and gets them in one statement for less.
    """
    return "HTTP_IF_NONE_MATCH" in request.META or BODIES.has(_address(request, vary))


@dataclass(frozen=True, slots=True)
class Pending:
    """What `cacheable` leaves on a request for the answer that is still to be rendered."""

    address: Address
    headers: Mapping[str, str]
    max_age_s: int


def finish(request: HttpRequest, response: HttpResponse) -> None:
    """Give a rendered answer the headers that `cacheable` chose, and keep its body for the next request."""
    pending: Pending | None = request.META.pop(_KEY, None)
    if pending is None:
        return
    apply_headers(response, pending.headers)
    if response.status_code == 200:
        BODIES.put(
            pending.address,
            pending.headers["ETag"],
            response.content,
            content_type=response.headers["Content-Type"],
            max_age_s=pending.max_age_s,
        )


def etag(request: HttpRequest, version: Iterable[object], vary: Iterable[str] = ()) -> str:
    """Return a strong ETag of one representation: 32 hexadecimal digits in quotes."""
    return _etag(_address(request, vary), version)


def apply_headers(response: HttpResponseBase, headers: Mapping[str, str]) -> None:
    """Set headers on an answer; the answer's own ones win."""
    for name, value in headers.items():
        response.headers.setdefault(name, value)


@cache
def code_version(module: str) -> str:
    """Return a digest of the module's Python and SQL: a new release may render the same rows differently."""
    declared = composed().declared.get(module)
    spec = find_spec(declared.django_app) if declared else None
    digest = hashlib.blake2b(digest_size=8)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(file for file in Path(location).rglob("*") if file.suffix in (".py", ".sql")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _address(request: HttpRequest, vary: Iterable[str]) -> Address:
    headers = (request.headers.get(name, "") for name in vary)
    return request.path, request.META.get("QUERY_STRING", ""), *headers


def _etag(address: Address, version: Iterable[object]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in (code_version(current_module()), *address, *version):
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return f'"{digest.hexdigest()}"'


def _holds(request: HttpRequest, current: str) -> bool:
    given = request.META.get("HTTP_IF_NONE_MATCH")
    if not given or request.method not in ("GET", "HEAD"):
        return False
    return any(tag == "*" or tag.removeprefix("W/") == current for tag in parse_etags(given))
