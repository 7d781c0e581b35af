"""Every error that a contract call can end with.

ContractError
├── DeclaredError               what a contract says may happen; crosses as itself
├── CallError                   the call did not come to an answer
│   ├── DeadlineExceeded        no answer in time; a command operation may have happened
│   ├── CallerRefused           the owner does not serve this caller
│   ├── BreakerOpen             not tried: the last calls to this module failed
│   ├── TooManyCalls            not tried: as many calls to this module are under way as may be
│   ├── TransportFailure        not reached, or the answer cannot be read; a command operation may have happened
│   └── ProviderFailure         the provider raised what its contract does not declare
├── InvalidCall                 the arguments are not what the contract says; nothing happened
├── InvalidResult               the provider's result is not what the contract says
├── IdempotencyConflict         the key was used before, for another request
├── CallInTransaction           the call would have to be made inside an open transaction
├── CallBudgetExceeded          one request makes more calls than it may
├── MessageUnreadable           a message came in a version or a shape that this process does not read
└── RequirementNotDeclared      the caller's module does not list the other in `requires`
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, dataclass_transform, get_type_hints

from pydantic import BaseModel, create_model
from pydantic_core import PydanticUndefined

from monolith.contracts.schema import Schema
from monolith.errors import MonolithError


class ContractError(MonolithError):
    """Base of what a contract call can end with."""


@dataclass_transform(kw_only_default=True)
class DeclaredError(ContractError):
    """Base of the errors that contracts declare: the docstring is the title, annotated fields are the data."""

    status: ClassVar[int] = 409  # of the problem document, where the error crosses by HTTP

    def __init__(self, **data: Any) -> None:
        self.data = data_model(type(self))(**data)
        for name in type(self.data).model_fields:
            setattr(self, name, getattr(self.data, name))
        super().__init__(self._message())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self.data))

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().partition("\n")[0].removesuffix(".")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Make the error of what `data.model_dump(mode="json")` gave; ValidationError when it is not that."""
        read = data_model(cls).model_validate_json(_json(data))
        return cls(**dict(read))

    def _message(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.data)
        return f"{self.title()} ({shown})" if shown else self.title()


_models: dict[type[DeclaredError], type[BaseModel]] = {}


def _rebuild(error: type[DeclaredError], data: dict[str, Any]) -> DeclaredError:
    return error(**data)


def _json(data: Mapping[str, Any]) -> bytes:
    from pydantic_core import to_json

    return to_json(data)


def data_model(error: type[DeclaredError]) -> type[BaseModel]:
    """Return the model of an error's annotated fields."""
    if error not in _models:
        _models[error] = _make_model(error)
    return _models[error]


def _make_model(error: type[DeclaredError]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (hint, getattr(error, name, PydanticUndefined)) for name, hint in data_fields(error).items()
    }
    return create_model(error.__name__, __base__=Schema, __module__=error.__module__, **fields)


def data_fields(error: type[DeclaredError]) -> dict[str, Any]:
    """Return an error's annotated fields with their types."""
    hints = get_type_hints(error, include_extras=True)
    return {name: hint for name, hint in hints.items() if not _is_class_variable(hint)}


def _is_class_variable(hint: Any) -> bool:
    return hint is ClassVar or getattr(hint, "__origin__", None) is ClassVar


class CallError(ContractError):
    """A call that did not come to an answer."""

    def __init__(self, operation: str, detail: str) -> None:
        self.operation = operation
        self.detail = detail
        super().__init__(f"{operation}: {detail}")


class DeadlineExceeded(CallError):
    """There was no answer in time. Of a command operation it is not known whether it happened: ask with its key."""


class CallerRefused(CallError):
    """The owner does not serve this caller, or does not believe that it is the one."""


class BreakerOpen(CallError):
    """Not tried, because the last calls to this module failed."""


class TooManyCalls(CallError):
    """Not tried, because as many calls to this module are under way as may be."""


class TransportFailure(CallError):
    """The module was not reached, or its answer cannot be read. A command operation may have happened."""


class ProviderFailure(CallError):
    """The provider raised something that its contract does not declare; its own log says what."""


class InvalidCall(ContractError):
    """The arguments are not what the contract says; nothing happened. `problems` names each with its place."""

    def __init__(self, operation: str, problems: Sequence[str]) -> None:
        self.operation = operation
        self.problems = tuple(problems)
        super().__init__(
            f"{operation} was called with arguments its contract refuses: {'; '.join(self.problems)}"
        )


class InvalidResult(ContractError):
    """What came back is not what the contract says."""

    def __init__(self, operation: str, problems: Sequence[str]) -> None:
        self.operation = operation
        self.problems = tuple(problems)
        super().__init__(f"{operation} returned what its contract does not allow: {'; '.join(self.problems)}")


class IdempotencyConflict(ContractError):
    """The idempotency key was used before, for another request."""

    def __init__(self, operation: str, key: str) -> None:
        self.operation = operation
        self.key = key
        super().__init__(
            f"{operation}: the idempotency key {key!r} was used before for a different request. "
            f"Make a key of its own for each request, and repeat only the same request with it."
        )


class CallInTransaction(ContractError):
    """The call would be made inside an open transaction."""

    def __init__(self, operation: str, *, alias: str, reason: str) -> None:
        self.operation = operation
        super().__init__(
            f"{operation} was called inside a transaction on '{alias}': {reason}. "
            f"Make the call before atomic() or after it, or publish an event in the transaction."
        )


class CallWhileReading(ContractError):
    """A command operation would be called by what may only read."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"{operation} is a command operation, and what runs in reading() writes nothing.")


class CallBudgetExceeded(ContractError):
    """One request makes more contract calls than its budget."""

    def __init__(self, operation: str, limit: int) -> None:
        super().__init__(
            f"{operation} would be call {limit + 1} of a budget of {limit}. "
            f"Ask for many things in one call: give the operation a list."
        )


class RequirementNotDeclared(ContractError):
    """The caller's module does not list the other module in `requires`."""

    def __init__(self, *, caller: str, module: str, allowed: Sequence[str]) -> None:
        self.caller = caller
        self.module = module
        super().__init__(
            f"Module '{caller}' calls '{module}' and does not declare it. Add {module!r} to `requires` of "
            f"'{caller}'; declared now: {', '.join(allowed) or 'nothing'}."
        )


class MessageUnreadable(ContractError):
    """A message came in a version or a shape that this process does not read; trying again does not help."""
