"""Errors as RFC 9457 problem documents.

Import it from routes, never from what settings import: it needs Ninja.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import ConfigDict, Field

from monolith.http.identity import request_id

PROBLEM_TYPE: Final = "application/problem+json"
ABOUT_BLANK: Final = "about:blank"

type Location = Literal["path", "query", "header", "cookie", "body", "form", "file"]


class FieldProblem(Schema):
    """One field of the request that was refused."""

    detail: str = Field(description="What is wrong with it.")
    location: str = Field(description="Where it was: path, query, header, cookie, body, form or file.")
    name: str | None = Field(default=None, description="The parameter's name, outside a JSON body.")
    pointer: str | None = Field(default=None, description="A JSON pointer into the body, as a URI fragment.")


class ProblemSchema(Schema):
    """An RFC 9457 problem document."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        default=ABOUT_BLANK, description="What kind of problem; about:blank says no more than the status."
    )
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status of this answer.")
    detail: str | None = Field(default=None, description="What happened this time.")
    errors: list[FieldProblem] | None = Field(default=None, description="The fields that were refused.")
    request_id: str | None = Field(default=None, description="Names this request in the logs.")


class Problem(Exception):
    """A route's answer to a request it refuses.

    `raise Problem(404, "Walk not found", detail="No walk is called nowhere.", type="walk-not-found")`

    `type` is a slug and becomes `/problems/<slug>`; without one the type is about:blank. `errors` come from
    `field_error`. Further keyword arguments become members of the document.
    """

    def __init__(
        self,
        status: int,
        title: str = "",
        *,
        detail: str = "",
        type: str = "",  # noqa: A002 - RFC 9457 calls the member so
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.type = type
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(f"{status} {self.title}{f': {detail}' if detail else ''}")


def field_error(location: Location, *path: str | int, detail: str) -> dict[str, Any]:
    """Name one refused field: in a body by JSON pointer, made of keys and positions, elsewhere by name."""
    if location == "body":
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
        return {"detail": detail, "location": location, "pointer": f"#{pointer}"}
    return {"detail": detail, "location": location, "name": ".".join(map(str, path))}


def problem_response(
    request: HttpRequest,
    status: int,
    title: str = "",
    *,
    detail: str = "",
    type: str = "",  # noqa: A002 - as above
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Answer with a problem document that carries the request's id; never stored by a cache."""
    document: dict[str, Any] = {
        **(extra or {}),
        "type": f"/problems/{type}" if type else ABOUT_BLANK,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
    }
    if detail:
        document["detail"] = detail
    if errors:
        document["errors"] = [dict(error) for error in errors]
    document["request_id"] = request_id(request)
    return HttpResponse(
        json.dumps(document, default=str),
        status=status,
        content_type=PROBLEM_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def response_to(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Answer with the document of a raised `Problem`."""
    return problem_response(
        request,
        problem.status,
        problem.title,
        detail=problem.detail,
        type=problem.type,
        errors=problem.errors,
        headers=problem.headers,
        extra=problem.extra,
    )
