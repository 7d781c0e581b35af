"""What in today's documents breaks readers of the last released ones, of the same major version."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from monolith.contracts.documents.breaks import Break, Direction
from monolith.contracts.documents.compatibility import Comparison, alternatives, schema_breaks
from monolith.contracts.documents.openapi import KIND
from monolith.contracts.wire import URN
from monolith.http.problems import PROBLEM_TYPE

type Json = Mapping[str, Any]

_JSON: Final = "application/json"
_CALL: Final = f"{URN}:call:"  # the failures of calls, the same in every contract


def document_breaks(old: Json, new: Json) -> Iterator[Break]:
    """Yield what breaks readers of `old`, a contract's OpenAPI document, when it becomes `new`."""
    for path, was in old["paths"].items():
        label = was["post"]["operationId"]
        if path in new["paths"]:
            yield from _operation_breaks(label, was["post"], new["paths"][path]["post"], old, new)
        else:
            yield Break(label, "is gone", "keep it, under its name")


def _operation_breaks(label: str, was: Json, now: Json, old: Json, new: Json) -> Iterator[Break]:
    if was[KIND] != now[KIND]:
        fix = "callers make calls of each kind differently; keep the kind, or give the operation a new name"
        yield Break(label, f"was a {was[KIND]}, now a {now[KIND]}", fix)
    named = old["components"]["schemas"], new["components"]["schemas"]
    request = _content(was["requestBody"], _JSON), _content(now["requestBody"], _JSON)
    yield from schema_breaks(*request, label, Comparison(Direction.REQUEST, *named))
    results = _content(was["responses"]["200"], _JSON), _content(now["responses"]["200"], _JSON)
    yield from schema_breaks(*results, f"{label} -> result", Comparison(Direction.RESPONSE, *named))
    yield from _error_breaks(label, _errors(was, named[0]), _errors(now, named[1]), named)


def _error_breaks(label: str, was: Json, now: Json, named: tuple[Json, Json]) -> Iterator[Break]:
    for code, problem in was.items():
        if code not in now:
            yield Break(f"{label} ({code})", "is no longer raised", "keep the error declared")
            continue
        status = _status(problem), _status(now[code])
        if status[0] != status[1]:
            yield Break(f"{label} ({code})", f"had status {status[0]}, now {status[1]}", "keep the status")
        data = problem["properties"]["data"], now[code]["properties"]["data"]
        yield from schema_breaks(*data, f"{label} ({code})", Comparison(Direction.RESPONSE, *named))
    for code in sorted(now.keys() - was.keys()):
        fix = "readers take it for a failure of the call; say it in the result, or in a new version"
        yield Break(f"{label} ({code})", "is raised now", fix)


def _errors(operation: Json, named: Json) -> dict[str, Json]:
    """Return the problem documents of an operation's declared errors, by their code."""
    problems = [
        each.schema
        for response in operation["responses"].values()
        if PROBLEM_TYPE in response.get("content", {})
        for each in alternatives(_content(response, PROBLEM_TYPE), named)
    ]
    types = {str(problem["properties"]["type"]["const"]): problem for problem in problems}
    return {kind.rpartition(":")[2]: problem for kind, problem in types.items() if not kind.startswith(_CALL)}


def _status(problem: Json) -> int:
    return int(problem["properties"]["status"]["const"])


def _content(message: Json, media_type: str) -> Json:
    schema: Json = message["content"][media_type]["schema"]
    return schema
