"""How calls and answers look as JSON: arguments as an object, results as they are, errors as problem documents.

RFC 9457: the `type` of a declared error is urn:fastmonolith:<module>:<code>, that of a call that failed
urn:fastmonolith:call:<code>; `data` holds a declared error's fields.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from monolith.contracts.call import Call
from monolith.contracts.contract import Operation, error_code
from monolith.contracts.errors import (
    BreakerOpen,
    CallerRefused,
    CallError,
    ContractError,
    DeadlineExceeded,
    DeclaredError,
    IdempotencyConflict,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    TooManyCalls,
    TransportFailure,
)
from monolith.contracts.schema import problems_in

logger = logging.getLogger("monolith.contracts")

PREFIX: Final = "/contracts/"  # of an operation's address on the process that provides it
DEADLINE: Final = (
    "X-Contract-Deadline"  # the header with the seconds that the caller still waits, a decimal number
)
MAX_ARGUMENTS: Final = 4 * 1024 * 1024  # bytes of a call; more belongs in a file, or in several calls
MAX_RESULT: Final = 16 * 1024 * 1024  # bytes of an answer; more belongs in pages

URN: Final = "urn:fastmonolith"
# What each looks like on the wire: its code and its HTTP status.
FAILURES: Final[dict[type[ContractError], tuple[str, int]]] = {
    InvalidCall: ("invalid-call", 422),
    InvalidResult: ("invalid-result", 500),
    IdempotencyConflict: ("idempotency-conflict", 409),
    CallerRefused: ("caller-refused", 403),
    DeadlineExceeded: ("deadline-exceeded", 504),
    TooManyCalls: ("too-many-calls", 503),
    BreakerOpen: ("breaker-open", 503),
    TransportFailure: ("transport-failure", 502),
    ProviderFailure: ("provider-failure", 500),
}
_BY_CODE: Final = {code: kind for kind, (code, _) in FAILURES.items()}


def write_arguments(call: Call) -> bytes:
    """Return a call's arguments as a JSON object; raises InvalidCall when it is too large to be sent."""
    written = call.operation.arguments.dump_json(call.arguments)
    if len(written) > MAX_ARGUMENTS:
        raise InvalidCall(call.operation.label, [_too_large(written, MAX_ARGUMENTS)])
    return written


def _too_large(written: bytes, limit: int) -> str:
    return f"value: is {len(written)} bytes of JSON, and at most {limit} cross; ask for less at a time"


def read_arguments(operation: Operation, body: bytes) -> dict[str, Any]:
    """Return the arguments that `write_arguments` wrote; raises InvalidCall."""
    try:
        return operation.arguments.validate_json(body)
    except ValidationError as error:
        raise InvalidCall(operation.label, problems_in(error)) from None


def respond(call: Call, body: bytes, carry: Callable[[Call], Any]) -> tuple[int, bytes]:
    """Answer a written call: read it, carry it out, write result or error. Returns HTTP status and JSON."""
    operation = call.operation
    try:
        result = carry(replace(call, arguments=read_arguments(operation, body)))
        return 200, _write_result(operation, result)
    except ContractError as error:
        if isinstance(error, ProviderFailure | InvalidResult | DeadlineExceeded):
            logger.exception("%s failed", operation.label)  # the caller learns no more than that
        return write_error(operation, error)


def _write_result(operation: Operation, result: Any) -> bytes:
    written = operation.result.dump_json(result)
    if len(written) > MAX_RESULT:
        raise InvalidResult(operation.label, [_too_large(written, MAX_RESULT)])
    return written


def write_error(operation: Operation, error: ContractError) -> tuple[int, bytes]:
    """Return an error as HTTP status and problem document."""
    if isinstance(error, DeclaredError):
        code = f"{URN}:{operation.module}:{error_code(type(error))}"
        extra: dict[str, Any] = {"data": error.data.model_dump(mode="json")}
        return _document(code, error.title(), error.status, str(error), extra)
    code, status = FAILURES[type(error)]
    extra = {}
    if isinstance(error, InvalidCall | InvalidResult):
        extra = {"problems": error.problems}
    if isinstance(error, IdempotencyConflict):
        extra = {"key": error.key}
    detail = error.detail if isinstance(error, CallError) else str(error)
    return _document(f"{URN}:call:{code}", code.replace("-", " ").capitalize(), status, detail, extra)


def _document(code: str, title: str, status: int, detail: str, extra: dict[str, Any]) -> tuple[int, bytes]:
    document = {"type": code, "title": title, "status": status, "detail": detail}
    return status, to_json(document | extra)


def read_answer(operation: Operation, status: int, body: bytes) -> Any:
    """Return the result in an answer, or raise the error it holds.

    Raises TransportFailure when it is neither.
    """
    if status != 200:
        raise _read_error(operation, status, body)
    try:
        return operation.result.validate_json(body)
    except ValidationError as error:
        if any(item["type"] == "json_invalid" for item in error.errors(include_url=False)):
            raise TransportFailure(operation.label, "the answer is not JSON") from None
        raise InvalidResult(operation.label, problems_in(error)) from None


def _read_error(operation: Operation, status: int, body: bytes) -> ContractError:
    try:
        document = from_json(body)
        owner, code = document["type"].removeprefix(f"{URN}:").split(":")
        if owner == operation.module and (declared := operation.error_by_code.get(code)):
            return declared.from_json(document["data"])
        return _failure(_BY_CODE[code], operation, document)
    except (ValueError, KeyError, TypeError, AttributeError):
        return TransportFailure(
            operation.label, f"the answer has status {status} and is no error of this contract"
        )


def _failure(kind: type[ContractError], operation: Operation, document: dict[str, Any]) -> ContractError:
    if issubclass(kind, CallError):
        return kind(operation.label, str(document["detail"]))
    if issubclass(kind, InvalidCall | InvalidResult):
        return kind(operation.label, [str(problem) for problem in document["problems"]])
    return IdempotencyConflict(operation.label, str(document["key"]))
