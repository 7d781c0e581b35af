"""What routes answer with, and how it becomes JSON.

Ninja's `Schema` looks every field of an answer up through an object made for Django's models and templates, and
renders with the standard library's encoder. For a list of rows both together are half the time of a request.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args, get_origin

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja.operation import Operation
from ninja.renderers import BaseRenderer
from ninja.responses import Status
from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic_core import to_json

from monolith.http.caching import finish

Respond = Callable[[HttpRequest, Any, HttpResponse], HttpResponseBase]


class Answer(BaseModel):
    """A response schema for plain data (dicts, rows, dataclasses), validated by pydantic alone."""

    model_config = ConfigDict(from_attributes=True)


class JsonRenderer(BaseRenderer):
    """Renders dates, UUIDs, decimals and enums as pydantic does; what is not a number becomes null."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data, inf_nan_mode="null", fallback=str)


def answer_directly(operation: Operation) -> None:
    """Let an operation that answers with an `Answer` validate and render it in one go each.

    Ninja goes by way of an outer object and a copy of the whole answer in plain data. What it does for other
    schemas, status codes and responses stays as it is.
    """
    adapters = {
        status: TypeAdapter(declared)
        for status, model in operation.response_models.items()
        if _is_answer(declared := _declared(model))
    }
    plain = not (
        operation.by_alias or operation.exclude_unset or operation.exclude_defaults or operation.exclude_none
    )
    if adapters and plain and operation.stream_format is None:
        respond = partial(_respond, adapters, operation._result_to_response)
        vars(operation)["_result_to_response"] = respond


def _respond(
    adapters: dict[Any, TypeAdapter[Any]],
    otherwise: Respond,
    request: HttpRequest,
    result: Any,
    response: HttpResponse,
) -> HttpResponseBase:
    status, value = (result.status_code, result.value) if isinstance(result, Status) else (200, result)
    adapter = adapters.get(status)
    if adapter is None or isinstance(value, (HttpResponseBase, tuple)):
        return otherwise(request, result, response)
    response.status_code = status
    response.content = adapter.dump_json(adapter.validate_python(value))
    finish(request, response)
    return response


def _declared(model: Any) -> Any:
    # Ninja wraps what a route declares in a model with the one field `response`.
    return model.model_fields["response"].annotation if hasattr(model, "model_fields") else None


def _is_answer(declared: Any) -> bool:
    if get_origin(declared) is list:
        return _is_answer(get_args(declared)[0])
    return isinstance(declared, type) and issubclass(declared, Answer)
