"""A contract as an OpenAPI 3.1 document: what crosses by HTTP, for readers and for comparison with later ones."""

from collections.abc import Iterable, Mapping
from inspect import cleandoc
from itertools import groupby
from typing import Any, Final

from pydantic import TypeAdapter

from monolith.contracts.contract import Contract, Operation, error_code
from monolith.contracts.documents.json_schema import ContractJsonSchema
from monolith.contracts.errors import (
    CallerRefused,
    ContractError,
    DeadlineExceeded,
    DeclaredError,
    IdempotencyConflict,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    data_model,
)
from monolith.contracts.interface import Kind
from monolith.contracts.wire import DEADLINE, FAILURES, PREFIX, URN
from monolith.http.problems import PROBLEM_TYPE

type Json = dict[str, Any]

KIND: Final = "x-kind"  # of an operation: query, command or gate
_REF: Final = "#/components/schemas/"
_CALLER: Final = "caller"
# What the owner may answer to any call; the other failures of a call are found on the caller's side.
_ANSWERED: Final = (CallerRefused, InvalidCall, InvalidResult, ProviderFailure, DeadlineExceeded)
_PROBLEMS: Final[Json] = {"problems": {"type": "array", "items": {"type": "string"}}}
_MORE: Final[dict[type[ContractError], Json]] = {
    InvalidCall: _PROBLEMS,
    InvalidResult: _PROBLEMS,
    IdempotencyConflict: {"key": {"type": "string"}},
}


def openapi_document(contract: Contract) -> Json:
    """Describe one contract in one major version."""
    operations = list(contract.operations.values())
    written, schemas = _schemas(operations)
    for operation in operations:
        _add_defaults(operation, schemas[written[operation.name, "request"]["$ref"].removeprefix(_REF)])
    for error in _declared(operations):
        schemas[_problem_name(error)] = _declared_problem(contract.module, error, written[error])
    for failure in _failures(operations):
        schemas[_problem_name(failure)] = _failure_problem(failure)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": contract.module,
            "version": str(contract.version),
            "description": cleandoc(contract.interface.__doc__ or ""),
        },
        "paths": {PREFIX + o.path: {"post": _operation(o, written)} for o in sorted(operations, key=_name)},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": {"deadline": _deadline()},
            "securitySchemes": {_CALLER: _caller(contract.module)},
        },
    }


def _name(operation: Operation) -> str:
    return operation.name


def _declared(operations: Iterable[Operation]) -> list[type[DeclaredError]]:
    return sorted({error for operation in operations for error in operation.errors}, key=error_code)


def _failures(operations: Iterable[Operation]) -> list[type[ContractError]]:
    commands = any(operation.kind is Kind.COMMAND for operation in operations)
    return [*_ANSWERED, IdempotencyConflict] if commands else list(_ANSWERED)


def _schemas(operations: Iterable[Operation]) -> tuple[dict[Any, Json], Json]:
    """Return the schemas of requests, results and errors' data, and those that they refer to by name."""
    requests = [((o.name, "request"), "validation", o.arguments) for o in operations]
    results = [((o.name, "result"), "serialization", TypeAdapter(o.returns)) for o in operations]
    errors = [(error, "serialization", TypeAdapter(data_model(error))) for error in _declared(operations)]
    inputs: list[Any] = [*requests, *results, *errors]
    written, named = TypeAdapter.json_schemas(
        inputs, schema_generator=ContractJsonSchema, ref_template=_REF + "{model}"
    )
    return {key: schema for (key, _), schema in written.items()}, named.get("$defs", {})


def _add_defaults(operation: Operation, request: Json) -> None:
    # The provider's function has them: to the reader of a request such a keyword is merely not required.
    defaults = {p.name: p.default for p in operation.parameters if not p.is_required}
    for name, default in operation.arguments.dump_python(defaults, mode="json").items():
        request["properties"][name]["default"] = default


def _operation(operation: Operation, written: Mapping[Any, Json]) -> Json:
    summary, _, description = operation.documentation.partition("\n")
    return {
        "operationId": operation.label,
        KIND: operation.kind.value,
        "summary": summary,
        "description": description.strip(),
        "security": [{_CALLER: []}],
        "parameters": [{"$ref": "#/components/parameters/deadline"}],
        "requestBody": {"required": True, "content": _content(written[operation.name, "request"])},
        "responses": {
            "200": {"description": "The result.", "content": _content(written[operation.name, "result"])},
            **_refusals(operation),
            "default": {
                "description": "The process itself refuses, or is not there: what it serves is not known."
            },
        },
    }


def _content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _refusals(operation: Operation) -> Json:
    errors: list[type[ContractError]] = [*operation.errors, *_failures([operation])]
    by_status = groupby(sorted(errors, key=lambda e: (_status(e), _problem_name(e))), key=_status)
    return {str(status): _refusal(list(alternatives)) for status, alternatives in by_status}


def _refusal(errors: list[type[ContractError]]) -> Json:
    schemas = [{"$ref": _REF + _problem_name(error)} for error in errors]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {
        "description": " ".join(f"{_title(error)}." for error in errors),
        "content": {PROBLEM_TYPE: {"schema": schema}},
    }


def _status(error: type[ContractError]) -> int:
    return error.status if issubclass(error, DeclaredError) else FAILURES[error][1]


def _problem_name(error: type[ContractError]) -> str:
    return (
        f"problem.{error_code(error)}" if issubclass(error, DeclaredError) else f"call.{FAILURES[error][0]}"
    )


def _title(error: type[ContractError]) -> str:
    return error.title() if issubclass(error, DeclaredError) else _sentence(error)


def _sentence(error: type[ContractError]) -> str:
    return (error.__doc__ or "").partition(".")[0].partition(";")[0]


def _declared_problem(module: str, error: type[DeclaredError], data: Json) -> Json:
    return _problem(
        f"{URN}:{module}:{error_code(error)}", error.status, cleandoc(error.__doc__ or ""), {"data": data}
    )


def _failure_problem(failure: type[ContractError]) -> Json:
    code, status = FAILURES[failure]
    return _problem(f"{URN}:call:{code}", status, cleandoc(failure.__doc__ or ""), _MORE.get(failure, {}))


def _problem(kind: str, status: int, description: str, more: Json) -> Json:
    properties = {
        "type": {"const": kind},
        "title": {"type": "string"},
        "status": {"const": status},
        "detail": {"type": "string"},
        **more,
    }
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
    }


def _deadline() -> Json:
    return {
        "name": DEADLINE,
        "in": "header",
        "required": False,
        "description": "For how many seconds the caller still waits. Without it, it waits for as long as it takes.",
        "schema": {"type": "number"},
    }


def _caller(module: str) -> Json:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            f"Who calls: a short-lived token for the audience {module}, signed by a module that lists {module} in its "
            f"requires."
        ),
    }
