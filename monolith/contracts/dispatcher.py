"""Resolving a call: who may make it, which way it takes, what must not happen around it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, cast

from django.db import connections

from monolith.composition import Composition, composed
from monolith.context import current_module
from monolith.contracts.call import Call, Transport, checked_arguments
from monolith.contracts.contract import Operation, contract_of
from monolith.contracts.decisions import decided
from monolith.contracts.errors import (
    CallInTransaction,
    CallWhileReading,
    RequirementNotDeclared,
    TransportFailure,
)
from monolith.contracts.interface import Kind
from monolith.contracts.registry import provided
from monolith.contracts.scope import call_scope
from monolith.contracts.transports.in_process import InProcess
from monolith.contracts.transports.json_round_trip import JsonRoundTrip
from monolith.telemetry import span


class Dispatcher:
    """Carries the calls of this process."""

    def __init__(self, composition: Composition, transports: Mapping[str, Transport]) -> None:
        self._requires = {name: frozenset(m.requires) for name, m in composition.declared.items()}
        self._transports = dict(transports)

    def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Any:
        """Make one call on behalf of the current module; raises ContractErrors."""
        caller = current_module()
        allowed = self._requires.get(caller, frozenset())
        if operation.module not in allowed:
            raise RequirementNotDeclared(caller=caller, module=operation.module, allowed=sorted(allowed))
        scope = call_scope()
        if scope.budget is not None:
            scope.budget.spend(operation.label)
        call = Call(
            operation,
            checked_arguments(operation, arguments),
            caller,
            scope.deadline,
            scope.tenant,
            scope.actor,
            scope.reads_only,
        )
        if scope.reads_only and operation.kind is Kind.COMMAND:
            raise CallWhileReading(operation.label)
        transport = self._transports.get(operation.module, _NOWHERE)
        _refuse_in_transaction(operation, is_remote=transport.is_remote)
        with span(f"contract {operation.label}", caller=caller, provider=operation.module):
            if operation.kind is Kind.GATE:
                return decided(call, transport)
            return transport.carry(call)

    @contextmanager
    def placing(self, module: str, transport: Transport) -> Iterator[None]:
        """Reach `module` by another transport in the block, in every thread: for tests."""
        before = self._transports.get(module)
        self._transports[module] = transport
        try:
            yield
        finally:
            if before is None:
                del self._transports[module]
            else:
                self._transports[module] = before


class _Nowhere:
    """The way to a module that is neither here nor placed elsewhere: what asks it fails, the gate denies."""

    is_remote = False

    def carry(self, call: Call) -> Any:
        module = call.operation.module
        raise TransportFailure(
            call.operation.label,
            f"'{module}' is not part of this process; compose it here, "
            f"or say where it runs with MONOLITH_REMOTE_{module.upper()}",
        )


_NOWHERE: Final = _Nowhere()


def _refuse_in_transaction(operation: Operation, *, is_remote: bool) -> None:
    if not is_remote and operation.kind is not Kind.COMMAND:
        return
    reason = (
        "it cannot be rolled back"
        if operation.kind is Kind.COMMAND
        else "locks would be held while the network is used"
    )
    for connection in connections.all(initialized_only=True):
        if _in_transaction(connection):
            raise CallInTransaction(operation.label, alias=connection.alias, reason=reason)


def _in_transaction(connection: Any) -> bool:
    # What Django's test cases open around a whole test is not the code's own; Django's durable atomics look so too.
    if connection.atomic_blocks:
        return any(not block._from_testcase for block in connection.atomic_blocks)
    return connection.connection is not None and not connection.autocommit


@cache
def dispatcher() -> Dispatcher:
    """Return this process's dispatcher. Raises CompositionError listing what is wrong with its contracts."""
    composition = composed()
    return Dispatcher(composition, _transports(composition))


def _transports(composition: Composition) -> dict[str, Transport]:
    transports: dict[str, Transport] = {}
    for name, operations in provided(composition.modules).items():
        if functions := {operation.label: function for operation, function in operations}:
            transports[name] = InProcess(functions)
    if composition.environment.contracts == "json":
        transports = {name: JsonRoundTrip(transport) for name, transport in transports.items()}
    return transports | _remote_transports(composition)


def _remote_transports(composition: Composition) -> dict[str, Transport]:
    called = {other for module in composition.modules.values() for other in module.requires}
    if not called & composition.remotes.keys():
        return {}
    from monolith.contracts.tokens import Signer  # most processes call no other, and need no HTTP client
    from monolith.contracts.transports.http import HttpTransport

    environment = composition.environment
    return {
        name: HttpTransport(
            name,
            url,
            Signer(name, composition.contract_keys[name]),
            timeout_s=environment.contract_timeout_s,
            concurrency=environment.contract_concurrency,
        )
        for name, url in composition.remotes.items()
        if name in called
    }


@cache
def _callers(interface: Any) -> Any:
    contract = contract_of(interface)
    methods = {name: staticmethod(_caller(o)) for name, o in contract.operations.items()}
    return type(
        f"{interface.__name__}Caller", (), methods | {"__doc__": interface.__doc__, "__slots__": ()}
    )()


def _caller(operation: Operation) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        return dispatcher().call(operation, arguments)

    call.__name__ = operation.name
    call.__qualname__ = operation.label
    call.__doc__ = operation.documentation
    return call


def require[T](interface: Callable[..., T]) -> T:
    """Return another module's operations: `require(Knowledge).search(text="moon")`.

    Each call raises what its operation declares, or another of the ContractErrors; RequirementNotDeclared when the
    current module does not list the other in `requires`. (The parameter is typed as a callable because mypy lets a
    Protocol stand for `Callable[..., T]` and not for `type[T]`.)
    """
    return cast("T", _callers(interface))
