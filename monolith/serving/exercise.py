"""Using a tier over HTTP as its callers do, and noting what came of it."""

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

TIMEOUT_S: Final = 30.0
_TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_CHANGE_LIST: Final = re.compile(r'href="(/admin/[a-z_0-9]+/[a-z_0-9]+/)"')
_PARAMETER: Final = re.compile(r"\{([^}]+)\}")
_ASSET: Final = re.compile(r'(?:href|src)="(/static/[^"]+)"')


class Unexpected(Exception):
    """A tier answered otherwise than it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried."""

    tier: str
    what: str
    came_of_it: str
    duration_s: float
    ok: bool


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Client:
    """A caller with cookies that follows no redirect."""

    def __init__(self, base: str) -> None:
        self.base = base
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(_NoRedirect, cookies, urllib.request.ProxyHandler({}))

    def ask(self, path: str, *, method: str = "GET", form: Mapping[str, str] | None = None) -> Answer:
        """Send one request; an error status is an answer too."""
        address = f"{self.base}{path}"
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        headers = {"Referer": address} if form is not None else {}
        request = urllib.request.Request(address, data=data, headers=headers, method=method)  # noqa: S310 - our own
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def expect(self, path: str, *statuses: int, method: str = "GET") -> Answer:
        """Send one request and make sure of its status (200 when none is given)."""
        answer = self.ask(path, method=method)
        if answer.status not in (statuses or (200,)):
            raise Unexpected(f"{method} {path}: {answer.status}, not {statuses or 200}: {answer.text[:300]}")
        return answer


@dataclass(slots=True)
class Exercise:
    """Tries things one after the other; a failure does not stop the rest."""

    steps: list[Step] = field(default_factory=list)

    def attempt(self, tier: str, what: str, action: Callable[[], str]) -> None:
        started = time.perf_counter()
        try:
            came_of_it, ok = action(), True
        except Exception as error:  # noqa: BLE001 - whatever it was, it is what came of it
            came_of_it, ok = f"{type(error).__name__}: {error}", False
        self.steps.append(Step(tier, what, came_of_it, time.perf_counter() - started, ok))

    @property
    def failed(self) -> bool:
        return not all(step.ok for step in self.steps)


def pages(client: Client) -> str:
    """Open the pages and what they load."""
    found = [client.expect(path) for path in ("/", "/api/docs")]
    assets = sorted({asset for answer in found for asset in _ASSET.findall(answer.text)})
    for asset in assets:
        client.expect(asset)
    return f"/ and /api/docs with {len(assets)} files"


def health(client: Client) -> str:
    """Ask for life and readiness."""
    client.expect("/healthz")
    components = client.expect("/readyz").document["components"]
    return ", ".join(components)


def read_api(client: Client, modules: list[str], *, staff: bool) -> str:
    """Read every GET operation that the tier documents and that can be called without knowing more.

    Path parameters are filled from the first item of a list above them. Raises Unexpected for any answer but 200, and
    for a module of which nothing could be read.
    """
    operations = dict(_operations(client, "get", secured=None if staff else False))
    answers: dict[str, Any] = {}
    for path in sorted(operations, key=lambda path: path.count("{")):
        filled = _filled(path, answers)
        if filled is None or _needs_query(operations[path]):
            continue
        answer = client.expect(filled)
        is_json = "json" in answer.headers.get("content-type", "")
        answers[path] = answer.document if is_json else None
    if unread := [m for m in modules if not any(p.startswith(f"/api/{m}/") for p in answers)]:
        raise Unexpected(f"nothing could be read of {', '.join(unread)}")
    details = sum(1 for path in answers if "{" in path)
    left = [path for path in operations if path not in answers]
    rest = f"; need to know more: {', '.join(left)}" if left else ""
    return f"{len(answers) - details} lists and documents, {details} details{rest}"


def refuse_anonymous(client: Client) -> str:
    """Try every operation that is for staff, without being any."""
    count = 0
    for method in ("get", "post", "put", "patch", "delete"):
        for path, _ in _operations(client, method, secured=True):
            client.expect(_PARAMETER.sub("1", path), 401, 403, method=method.upper())
            count += 1
    return f"{count} operations"


def absent_on_public(public: Client, private: Client) -> str:
    """Make sure that the anonymous tier serves neither the admin nor any operation for staff."""
    for path in ("/admin/", "/admin/login/", "/admin"):
        public.expect(path, 404)
    known = {
        (method, path)
        for method in ("get", "post", "put", "patch", "delete")
        for path, _ in _operations(private, method, secured=True)
    }
    for method, path in sorted(known):
        public.expect(_PARAMETER.sub("1", path), 404, 405, method=method.upper())
    return f"no admin, none of {len(known)} operations for staff"


def log_in(client: Client, user: str, password: str) -> str:
    """Log in to the admin with its form and open every list it has."""
    page = client.expect("/admin/login/").text
    token = _TOKEN.search(page)
    if token is None:
        raise Unexpected("the login page has no CSRF token")
    form = {"csrfmiddlewaretoken": token[1], "username": user, "password": password, "next": "/admin/"}
    answer = client.ask("/admin/login/", method="POST", form=form)
    if answer.status != 302:
        raise Unexpected(f"login answered {answer.status}: {answer.text[:300]}")
    lists = sorted(set(_CHANGE_LIST.findall(client.expect("/admin/").text)))
    for path in lists:
        client.expect(path)
    return f"logged in as {user}, {len(lists)} lists"


def _operations(
    client: Client, method: str, *, secured: bool | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, methods in client.expect("/api/openapi.json").document["paths"].items():
        operation = methods.get(method)
        if operation is not None and (secured is None or bool(operation.get("security")) == secured):
            yield path, operation


def _needs_query(operation: Mapping[str, Any]) -> bool:
    return any(p["in"] == "query" and p.get("required") for p in operation.get("parameters", []))


def _filled(path: str, answers: Mapping[str, Any]) -> str | None:
    """Put values of what was read before into a path; None when there are none."""
    for name in _PARAMETER.findall(path):
        parent = path.partition("/{")[0]
        item = _first_item(answers.get(parent))
        if item is None or item.get(name) is None:
            return None
        path = path.replace(f"{{{name}}}", urllib.parse.quote(str(item[name]), safe=""))
    return path


def _first_item(document: Any) -> Mapping[str, Any] | None:
    items = document.get("items") if isinstance(document, dict) else document
    if isinstance(items, list) and items and isinstance(items[0], dict):
        return items[0]
    return None
