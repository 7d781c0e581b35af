"""What holds for every operation of every contract. Each runs in the calling process, as the calling module."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from monolith import entering
from monolith.contracts import (
    DeadlineExceeded,
    DeclaredError,
    InvalidCall,
    RequirementNotDeclared,
    acall,
    deadline,
    forget_decisions,
    require,
)
from monolith.contracts.contract import Operation
from monolith.contracts.interface import Kind
from monolith.contracts.registry import contracts


def operations() -> dict[str, tuple[Operation, Callable[..., Any]]]:
    """Return every operation that any module promises, and how it is called, by label."""
    return {
        operation.label: (operation, getattr(require(contract.interface), name))
        for promised in contracts().values()
        for contract in promised
        for name, operation in contract.operations.items()
    }


def value(label: str, arguments: dict[str, Any]) -> bytes:
    """Make a call; returns its result as JSON."""
    operation, call = operations()[label]
    forget_decisions()
    return operation.result.dump_json(call(**arguments))


def declared_error(
    label: str, error: type[DeclaredError], arguments: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Provoke a declared error; returns its message and data."""
    _, call = operations()[label]
    with pytest.raises(error) as caught:
        call(**arguments)
    assert type(caught.value) is error
    return str(caught.value), dict(caught.value.data)


def wrong_arguments(label: str, arguments: dict[str, Any]) -> None:
    operation, call = operations()[label]
    wrong = [arguments | {"never_promised": 1}]
    wrong += [
        {name: value for name, value in arguments.items() if name != parameter.name}
        for parameter in operation.parameters
        if parameter.is_required
    ]
    wrong += [arguments | {parameter.name: object()} for parameter in operation.parameters]
    for given in wrong:
        with pytest.raises(InvalidCall):
            call(**given)


def deadline_that_is_over(label: str, arguments: dict[str, Any]) -> None:
    operation, call = operations()[label]
    forget_decisions()
    with deadline(0):
        if operation.gate is not None:
            assert call(**arguments) == operation.gate.on_failure
            return
        with pytest.raises(DeadlineExceeded):
            call(**arguments)


def caller_that_does_not_list_it(label: str, arguments: dict[str, Any]) -> None:
    operation, call = operations()[label]
    with entering(operation.module), pytest.raises(RequirementNotDeclared):
        call(**arguments)


def cancelled(label: str, arguments: dict[str, Any]) -> None:
    _, call = operations()[label]

    async def cancel() -> None:
        task = asyncio.ensure_future(acall(call, **arguments))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())


def awaited(label: str, arguments: dict[str, Any]) -> bytes:
    """Make a call from async code; returns its result as JSON."""
    operation, call = operations()[label]
    forget_decisions()
    return operation.result.dump_json(asyncio.run(acall(call, **arguments)))


def key_used_again(label: str, arguments: dict[str, Any]) -> bool:
    """Say whether the operation is a command, whose second answer was the first again."""
    operation, call = operations()[label]
    if operation.kind is not Kind.COMMAND:
        return False
    assert call(**arguments) == call(**arguments)
    return True


def traced(label: str, arguments: dict[str, Any]) -> str:
    """Make a call below one span; returns the id of its trace."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    _, call = operations()[label]
    forget_decisions()
    with trace.get_tracer("tests").start_as_current_span("scenario") as span:
        call(**arguments)
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.force_flush()
    return format(span.get_span_context().trace_id, "032x")
