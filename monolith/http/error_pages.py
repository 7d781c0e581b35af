"""Errors outside the routes: a page for people, a problem document for programs."""

import sys
from http import HTTPStatus

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from monolith.http.handlers import RETRY_AFTER_S
from monolith.http.identity import request_id
from monolith.http.problems import PROBLEM_TYPE, problem_response


def prefers_html(request: HttpRequest) -> bool:
    """Say whether the caller would rather read a page; one that has no wish gets a problem document.

    Routes are for programs: they answer with problem documents, as their description says.
    """
    if request.path_info.startswith(("/api/", "/contracts/")):
        return False
    return request.get_preferred_type([PROBLEM_TYPE, "application/json", "text/html"]) == "text/html"


def error_response(
    request: HttpRequest, status: int, *, detail: str = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    """Answer with what the caller prefers."""
    if not prefers_html(request):
        response = problem_response(request, status, detail=detail, headers=headers)
    else:
        context = {"status": HTTPStatus(status), "detail": detail, "request_id": request_id(request)}
        page = render_to_string("monolith/error.html", context)
        response = HttpResponse(page, status=status, headers={"Cache-Control": "no-store", **(headers or {})})
    response.headers["Vary"] = "Accept"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 413 for a body that is too large."""
    if isinstance(exception, RequestDataTooBig):
        return error_response(request, 413)
    if isinstance(exception, DisallowedHost):
        return error_response(request, 400, detail="This host name is not served here.")
    return error_response(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return error_response(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is missing or stale."""
    detail = "The form's token is missing or stale. Reload the page and send it again."
    return error_response(request, 403, detail=detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    return error_response(request, 404, detail="Nothing is served at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the database is away, else 500. Django has logged it."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return error_response(request, 503, detail="The database cannot answer now.", headers=headers)
    return error_response(request, 500, detail="This is our failure; it was logged.")
