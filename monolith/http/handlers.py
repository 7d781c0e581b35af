"""What a route answers when it raises: one problem document per family of errors."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from monolith.database_errors import is_value_refused
from monolith.http.identity import request_id
from monolith.http.problems import Problem, field_error, problem_response, response_to

type Handler = Callable[[HttpRequest, Any], HttpResponse]

logger = logging.getLogger("monolith.http")

RETRY_AFTER_S: Final = 2  # a restarted PostgreSQL is back sooner; longer keeps callers waiting for nothing


def refused(request: HttpRequest, error: Exception, *, status: int, detail: str = "") -> HttpResponse:
    """Answer with a status that says it all."""
    return problem_response(request, status, detail=detail)


def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Name every field that was refused."""
    errors = [field_error(item["loc"][0], *item["loc"][1:], detail=item["msg"]) for item in error.errors]
    return problem_response(request, 422, "The request is not valid", errors=errors)


def not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Say that this route needs a session."""
    headers = {"WWW-Authenticate": "Session"}
    return problem_response(request, 401, detail="Sign in first.", headers=headers)


def throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    """Say that the caller is too fast; Ninja adds Retry-After."""
    return problem_response(request, 429, detail="Too many requests in a short time.")


def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Translate Ninja's own error."""
    return problem_response(request, error.status_code, detail=error.message)


def value_refused(request: HttpRequest, error: DataError) -> HttpResponse:
    """Refuse a value that PostgreSQL cannot hold (NUL, out of range); any other DataError is our failure."""
    if not is_value_refused(error):
        return failed(request, error)
    logger.warning("a value was refused by the database: %s", error, extra=_named(request))
    return problem_response(request, 400, detail="A value in the request is out of range or not text.")


def unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Say that the database is away or too slow, and when to try again."""
    logger.error("503 for %s: %s", request.path, error, exc_info=error, extra=_named(request))
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return problem_response(request, 503, detail="The database cannot answer now.", headers=headers)


def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Log what happened and answer 500 without telling."""
    got_request_exception.send(sender=None, request=request)
    logger.error("500 for %s: %s", request.path, error, exc_info=error, extra=_named(request))
    return problem_response(request, 500, detail="This is our failure; it was logged with the request's id.")


HANDLERS: Final[dict[type[Exception], Handler]] = {
    Problem: response_to,
    ValidationError: not_valid,
    AuthenticationError: not_authenticated,
    Throttled: throttled,
    HttpError: http_error,
    Http404: partial(refused, status=404),
    PermissionDenied: partial(refused, status=403),
    RequestDataTooBig: partial(refused, status=413),
    SuspiciousOperation: partial(refused, status=400),
    BadRequest: partial(refused, status=400),
    MultiPartParserError: partial(refused, status=400, detail="The multipart body cannot be read."),
    UnreadablePostError: partial(refused, status=400, detail="The body ended early."),
    DataError: value_refused,
    OperationalError: unavailable,
    InterfaceError: unavailable,
    Exception: failed,
}


def answer(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the answer to `error`; the most specific handler wins."""
    for family in type(error).__mro__:
        if family in HANDLERS:
            return HANDLERS[family](request, error)
    raise error


def _named(request: HttpRequest) -> dict[str, str]:
    return {"request_id": request_id(request)}
