"""Making the description of the routes true: every answer they can give is in it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from monolith.http.problems import PROBLEM_TYPE, FieldProblem, ProblemSchema

_REF: Final = "#/components/schemas/{model}"
_ALWAYS: Final = (400, 414, 500, 503)
_WITH_BODY: Final = (411, 413)
_NOT_MODIFIED: Final = {"description": "Not modified: the If-None-Match header names the current version."}
_HTTP_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch", "options", "trace"})

_SHARED: Final = frozenset({ProblemSchema.__name__, FieldProblem.__name__})


def merge(schema: dict[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Fill `schema` with the paths and components of `parts`, one description per module.

    A component is named `<module>.<Schema>`: two modules may each have their own `Track`, and Ninja, asked for
    both at once, would describe one of them as the other.
    """
    schema["paths"] = {}
    schemas: dict[str, Any] = {}
    components: dict[str, Any] = {"schemas": schemas}
    for module, part in parts.items():
        schema["paths"] |= _qualified(part["paths"], module)
        for name, definition in part["components"]["schemas"].items():
            schemas[_name(name, module)] = _qualified(definition, module)
        if "securitySchemes" in part["components"]:
            components.setdefault("securitySchemes", {}).update(part["components"]["securitySchemes"])
    schema["components"] = components


def _qualified(node: Any, module: str) -> Any:
    if isinstance(node, Mapping):
        return {key: _qualified(value, module) for key, value in node.items()}
    if isinstance(node, list):
        return [_qualified(value, module) for value in node]
    prefix = _REF.format(model="")
    if isinstance(node, str) and node.startswith(prefix):
        return prefix + _name(node.removeprefix(prefix), module)
    return node


def _name(name: str, module: str) -> str:
    return name if name in _SHARED else f"{module}.{name}"


def complete(schema: dict[str, Any], *, throttled: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Add the problem documents that every operation may answer with; `throttled` are operation ids."""
    for path, methods in schema["paths"].items():
        methods.pop("head", None)  # HEAD is GET without the body; two operations would share an id
        for method, operation in methods.items():
            if method in _HTTP_METHODS:
                statuses = _statuses(path, operation) | (
                    {429} if operation["operationId"] in throttled else set()
                )
                operation["responses"] = _responses(method, operation["responses"], statuses)
    _, definitions = models_json_schema(
        [(ProblemSchema, "serialization"), (FieldProblem, "serialization")], ref_template=_REF
    )
    schema["components"]["schemas"].update(definitions["$defs"])
    return schema


def _statuses(path: str, operation: dict[str, Any]) -> set[int]:
    statuses = set(_ALWAYS)
    if "{" in path:
        statuses.add(404)
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    if "requestBody" in operation:
        statuses.update(_WITH_BODY)
    if operation.get("security"):
        statuses.update({401, 403})
    return statuses


def _responses(method: str, declared: dict[Any, Any], statuses: set[int]) -> dict[str, Any]:
    responses = {str(status): _as_problem(int(status), response) for status, response in declared.items()}
    if method == "get":
        responses.setdefault("304", _NOT_MODIFIED)
    for status in statuses:
        responses.setdefault(str(status), _problem(status))
    return dict(sorted(responses.items()))


def _as_problem(status: int, response: dict[str, Any]) -> dict[str, Any]:
    content = response.get("content", {})
    described = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    if status >= 400 and (not content or described.endswith(f"/{ProblemSchema.__name__}")):
        return _problem(status) | {"description": response["description"]}
    return response


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=ProblemSchema.__name__)}
    return {"description": HTTPStatus(status).phrase, "content": {PROBLEM_TYPE: {"schema": schema}}}
