"""What happens around every request: limits, the current module, headers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.csp import build_policy

from monolith.composition import composed
from monolith.context import HOST, Scope, reset_scope, set_scope
from monolith.contracts.scope import call_budget
from monolith.http.connections import give_back_connections
from monolith.http.error_pages import error_response
from monolith.http.identity import HEADER, request_id
from monolith.http.limits import LIMITS_ATTRIBUTE, MAX_BODY, MAX_QUERY
from monolith.http.problems import PROBLEM_TYPE
from monolith.logs import request_id as logged_request_id
from monolith.profile import Profile

# Probes address a container by its IP address, which no one puts into MONOLITH_ALLOWED_HOSTS; these answers
# depend on nothing the Host header says.
PROBES: Final = frozenset({"/healthz", "/readyz"})
_HEADER_KEY: Final = HEADER.lower()
MAX_KNOWN_HOSTS: Final = 64  # with a wildcard in ALLOWED_HOSTS callers could make up names without end
# Data is not a document: nothing in it may run, load or be framed.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
COMMON_HEADERS: Final = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class ModuleMiddleware:
    """Refuse what is too large, run the route as its module, send the headers that no one else sends.

    It belongs innermost, so that sessions and users (the platform's tables) are the host's business.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        composition = composed()
        self._get_response = get_response
        self._routes = {name: Scope(name) for name in composition.modules}
        self._admin = {name: Scope(name, with_platform=True) for name in composition.modules}
        self._profile = composition.profile
        self._calls = composition.environment.calls_per_request
        self._session_cookie = settings.SESSION_COOKIE_NAME if self._profile is Profile.PRIVATE else None
        self._known_hosts: set[str | None] = set()
        self._data_headers = _prepared({**COMMON_HEADERS, "Content-Security-Policy": DATA_POLICY})
        policy = build_policy(settings.SECURE_CSP)
        self._page_headers = _prepared(
            {**COMMON_HEADERS, "Content-Security-Policy": policy, "Permissions-Policy": PERMISSIONS_POLICY}
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = logged_request_id.set(request_id(request))
        try:
            return self._answer(request)
        finally:
            logged_request_id.reset(token)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response = self._refusal(request)
        if response is None:
            scope = self._scope(request)
            response = self._get_response(request) if scope is HOST else self._run(request, scope)
        if response.status_code == 405:
            response = _not_allowed(request, response)
        self._add_headers(request, response)
        return response

    def _run(self, request: HttpRequest, scope: Scope) -> HttpResponseBase:
        if self._session_cookie is not None and self._session_cookie in request.COOKIES:
            # Read here, as the host: the module may look at request.user, not at the platform's tables.
            _ = request.user.is_authenticated
        token = set_scope(scope)
        try:
            with call_budget(self._calls) if self._calls else nullcontext():
                response = self._get_response(request)
        finally:
            reset_scope(token)
        if response.streaming and getattr(response, "file_to_stream", None) is None:
            _keep_scope(response, scope)
        return response

    def _add_headers(self, request: HttpRequest, response: HttpResponseBase) -> None:
        # Into the mapping's store: setting six headers one by one, each checked again, costs more than
        # everything else in here.
        own = response.headers._store
        if isinstance(response, HttpResponse) and response.status_code not in (204, 304):
            own["content-length"] = ("Content-Length", str(len(response.content)))
        is_page = "content-type" in own and own["content-type"][1].startswith("text/html")
        response.headers._store = {
            **(self._page_headers if is_page else self._data_headers),
            _HEADER_KEY: (HEADER, request_id(request)),
            **own,
        }

    def _scope(self, request: HttpRequest) -> Scope:
        path = request.path_info
        if path.startswith("/api/"):
            return self._routes.get(path[5:].partition("/")[0], HOST)
        if path.startswith("/contracts/"):
            return self._routes.get(path[11:].partition("/")[0], HOST)
        if path.startswith("/admin/") and self._profile is Profile.PRIVATE:
            return self._admin.get(_admin_label(request, path[7:]), HOST)
        return HOST

    def _refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        meta = request.META
        if meta.get("HTTP_HOST") not in self._known_hosts and request.path_info not in PROBES:
            self._check_host(request)
        query = meta.get("QUERY_STRING", "")
        if query and len(query) > MAX_QUERY:
            return error_response(request, 414, detail=f"A query string has at most {MAX_QUERY} bytes.")
        if "\0" in request.path_info or "%00" in query:
            return error_response(request, 400, detail="A zero byte is not text.")
        if meta.get("CONTENT_LENGTH", "") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in meta:
            return self._body_refusal(request)
        return None

    def _check_host(self, request: HttpRequest) -> None:
        # Django compares with ALLOWED_HOSTS only where something asks for the host; most routes never do.
        request.get_host()
        if len(self._known_hosts) < MAX_KNOWN_HOSTS:
            self._known_hosts.add(request.META.get("HTTP_HOST"))

    def _body_refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        declared = request.META.get("CONTENT_LENGTH", "")
        if not declared:
            return error_response(request, 411, detail="Send Content-Length; chunked bodies are not read.")
        if not (declared.isascii() and declared.isdecimal()):
            return error_response(request, 400, detail="Content-Length is not a number.")
        if request.method in ("GET", "HEAD") and _is_served(request):
            return error_response(request, 400, detail=f"{request.method} takes no body.")
        if int(declared) > MAX_BODY and int(declared) > (limit := _body_limit(request)):
            return error_response(request, 413, detail=f"This address takes at most {limit} bytes.")
        return None


def _body_limit(request: HttpRequest) -> int:
    return _limits(request).get(request.method or "", MAX_BODY)


def _is_served(request: HttpRequest) -> bool:
    """Say whether a route has this method; where it has not, 405 says more than 400."""
    limits = _limits(request)
    return not limits or request.method in limits


def _limits(request: HttpRequest) -> Mapping[str, int]:
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return {}
    limits: Mapping[str, int] = getattr(view, LIMITS_ATTRIBUTE, {})
    return limits


class ScopedStream:
    """A streamed body whose every chunk is made as the module, although the request has left it."""

    def __init__(self, chunks: Iterator[bytes], scope: Scope) -> None:
        self._chunks = chunks
        self._scope = scope

    def __iter__(self) -> "ScopedStream":
        return self

    def __next__(self) -> bytes:
        token = set_scope(self._scope)
        try:
            return next(self._chunks)
        finally:
            reset_scope(token)
            # The next chunk may take its time, and whoever reads this one may; pools are small.
            give_back_connections()


def _keep_scope(response: Any, scope: Scope) -> None:
    if response.is_async:
        return  # not served under WSGI; without the scope it reads nothing
    response._iterator = ScopedStream(response._iterator, scope)
    closers = response._resource_closers[:]

    def close() -> None:
        token = set_scope(scope)
        try:
            for closer in closers:
                closer()
        finally:
            reset_scope(token)

    response._resource_closers[:] = [close]


def _admin_label(request: HttpRequest, rest: str) -> str:
    first, _, others = rest.partition("/")
    if first == "autocomplete":
        return request.GET.get("app_label", "")
    if first == "r":
        return _label_of_content_type(others.partition("/")[0])
    return first


def _label_of_content_type(pk: str) -> str:
    from django.contrib.contenttypes.models import ContentType

    try:
        label: str = ContentType.objects.get_for_id(int(pk)).app_label
    except (ValueError, ContentType.DoesNotExist):
        return ""
    return label


def _not_allowed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.headers.get("Content-Type") == PROBLEM_TYPE:
        return response
    allowed = response.headers.get("Allow", "")
    return error_response(
        request, 405, detail=f"{request.method} is not served here.", headers={"Allow": allowed}
    )


def _prepared(headers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {name.lower(): (name, value) for name, value in headers.items()}
