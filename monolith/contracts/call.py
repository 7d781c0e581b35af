"""One contract call on its way, and what answers it on the owner's side."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from monolith.composition import composed
from monolith.context import Scope, reset_scope, set_scope
from monolith.contracts.contract import Operation
from monolith.contracts.errors import (
    CallerRefused,
    ContractError,
    DeadlineExceeded,
    DeclaredError,
    IdempotencyConflict,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
)
from monolith.contracts.interface import Kind
from monolith.contracts.registry import Provider
from monolith.contracts.schema import problems_in
from monolith.profile import Profile


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asked for, checked against the contract."""

    operation: Operation
    arguments: dict[str, Any]
    caller: str  # the module that asks
    deadline: float | None  # time.monotonic()
    tenant: str
    actor: str
    reads_only: bool = False

    @property
    def seconds_left(self) -> float | None:
        """Return how long the caller still waits; None when it set no deadline, 0 or less when it is over."""
        return None if self.deadline is None else self.deadline - time.monotonic()


class Transport(Protocol):
    """A way to the provider of one module. Every way ends with the same values and the same errors."""

    is_remote: bool  # leaves this process: refused inside transactions, and a query may be tried again

    def carry(self, call: Call) -> Any:
        """Return the provider's result, or raise one of the ContractErrors."""
        ...


def refuse_late(call: Call) -> None:
    """Raise DeadlineExceeded when the caller no longer waits."""
    left = call.seconds_left
    if left is not None and left <= 0:
        raise DeadlineExceeded(call.operation.label, "the deadline passed before there was an answer")


def answer(call: Call, provider: Provider) -> Any:
    """Run the provider as its module and return its result.

    Raises what the contract declares, IdempotencyConflict, InvalidResult, DeadlineExceeded, and ProviderFailure for
    everything else that the provider raises.
    """
    operation = call.operation
    refuse_late(call)
    token = set_scope(Scope(operation.module))
    try:
        result = _once(call, provider) if operation.kind is Kind.COMMAND else provider(**call.arguments)
    except Exception as error:
        refuse_late(call)  # whatever it was: at this time no transport brings it to the caller
        if _is_promised(operation, error):
            raise
        raise _failure(operation, error) from error
    finally:
        reset_scope(token)
    refuse_late(call)
    return checked_result(operation, result)


def _once(call: Call, provider: Provider) -> Any:
    from monolith.contracts.commands import once  # models: only once Django is ready

    if composed().profile is not Profile.PRIVATE:
        raise CallerRefused(call.operation.label, f"the {composed().profile.value} tier writes nothing")
    return once(call, provider)


def _is_promised(operation: Operation, error: Exception) -> bool:
    # Not its subclasses: another process knows a declared error by its own name alone.
    if type(error) in operation.errors:
        return True
    own = isinstance(error, IdempotencyConflict | CallerRefused | InvalidResult)
    return own and getattr(error, "operation", "") == operation.label


def _failure(operation: Operation, error: Exception) -> ContractError:
    kind = "the declared error of another operation" if isinstance(error, DeclaredError) else "an error"
    return ProviderFailure(operation.label, f"the provider raised {kind}, {type(error).__name__}")


def checked_arguments(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call's arguments as the contract has them; raises InvalidCall."""
    try:
        return operation.arguments.validate_python(arguments)
    except ValidationError as error:
        raise InvalidCall(operation.label, problems_in(error)) from None


def checked_result(operation: Operation, result: Any) -> Any:
    """Return a provider's result as the contract has it; raises InvalidResult."""
    return _read(operation.result, operation, result)


def _read(adapter: TypeAdapter[Any], operation: Operation, result: Any) -> Any:
    try:
        return adapter.validate_python(result)
    except ValidationError as error:
        raise InvalidResult(operation.label, problems_in(error)) from None
