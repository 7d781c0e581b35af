"""Every operation of every contract of the application behaves the same in each placement."""

from typing import Any

import pytest
from pydantic import SecretStr

from monolith.contracts.contract import Operation
from monolith.contracts.interface import Kind
from monolith.contracts.registry import contracts
from monolith.contracts.tokens import Caller, Signer
from tests.contracts.processes import Placement
from tests.contracts.reference import scenarios
from tests.contracts.reference.cases import CASES
from tests.contracts.reference.modules import caller_of
from tests.contracts.requests import refused
from tests.contracts.traces import Trace, whole_trace
from tests.otlp import Receiver, attributes

OPERATIONS = {
    operation.label: operation
    for promised in contracts().values()
    for contract in promised
    for operation in contract.operations.values()
}
ERRORS = [(label, error) for label, operation in OPERATIONS.items() for error in operation.errors]
each_operation = pytest.mark.parametrize("label", OPERATIONS)


def call(placement: Placement, scenario: Any, label: str, *more: Any) -> Any:
    """Run a scenario as a module that may make the call."""
    caller = placement.caller.on_behalf_of(caller_of(OPERATIONS[label].module))
    return caller.run(scenario, label, *more)


def result_of(placement: Placement, operation: Operation) -> Any:
    case = CASES[operation.label]
    return operation.result.validate_json(call(placement, scenarios.value, operation.label, case.arguments))


def test_every_operation_and_every_declared_error_has_a_case() -> None:
    assert set(CASES) == set(OPERATIONS)
    assert {label: set(case.errors) for label, case in CASES.items()} == {
        label: set(operation.errors) for label, operation in OPERATIONS.items()
    }


@each_operation
def test_result_is_what_the_case_expects(application: Placement, label: str) -> None:
    assert CASES[label].expects(result_of(application, OPERATIONS[label]))


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.same_everywhere])
def test_result_is_the_same_in_each_placement(applications: list[Placement], label: str) -> None:
    results = [result_of(placement, OPERATIONS[label]) for placement in applications]

    assert results == results[:1] * 3
    assert len({repr(result) for result in results}) == 1


@pytest.mark.parametrize(("label", "error"), ERRORS, ids=lambda value: getattr(value, "__name__", value))
def test_declared_error_arrives_as_itself(application: Placement, label: str, error: Any) -> None:
    arguments = CASES[label].errors[error]

    message, data = call(application, scenarios.declared_error, label, error, arguments)

    assert message == str(error(**data))


@each_operation
def test_wrong_arguments_are_refused(application: Placement, label: str) -> None:
    call(application, scenarios.wrong_arguments, label, CASES[label].arguments)


@each_operation
def test_call_whose_deadline_is_over_is_not_answered(application: Placement, label: str) -> None:
    call(application, scenarios.deadline_that_is_over, label, CASES[label].arguments)


@each_operation
def test_cancelled_call_ends(application: Placement, label: str) -> None:
    call(application, scenarios.cancelled, label, CASES[label].arguments)


@each_operation
def test_async_call_has_the_same_result(application: Placement, label: str) -> None:
    operation, case = OPERATIONS[label], CASES[label]

    assert case.expects(
        operation.result.validate_json(call(application, scenarios.awaited, label, case.arguments))
    )


@each_operation
def test_caller_that_does_not_list_the_module_is_refused(application: Placement, label: str) -> None:
    call(application, scenarios.caller_that_does_not_list_it, label, CASES[label].arguments)


@each_operation
def test_command_operation_answers_again_what_it_answered(application: Placement, label: str) -> None:
    is_command = call(application, scenarios.key_used_again, label, CASES[label].arguments)

    assert is_command == (OPERATIONS[label].kind is Kind.COMMAND)


@each_operation
def test_call_is_one_trace_with_the_right_parents(
    application: Placement, collector: Receiver, label: str
) -> None:
    trace_id = call(application, scenarios.traced, label, CASES[label].arguments)
    request = ["request"] if application.name == "http" else []
    inside = ["scenario", f"contract {label}", *request]

    def is_whole(trace: Trace) -> bool:
        # A process sends a span when it has ended, so after those below it.
        return {"scenario", f"contract {label}"} <= trace.names() and len(trace.requests()) >= len(request)

    trace = whole_trace(collector, trace_id, is_whole)
    outside = {"scenario", f"contract {label}"}
    below = {tuple(trace.path(span)): span for span in trace.spans if span.name not in outside}
    assert all(path[: len(inside)] == tuple(inside) for path in below)
    if request:
        assert attributes(below[tuple(inside)])["monolith.module"] == OPERATIONS[label].module


@each_operation
@pytest.mark.parametrize("way", ["not listed", "for another module", "with another key"])
def test_owner_refuses_whom_it_does_not_serve(remote_application: Placement, label: str, way: str) -> None:
    module = OPERATIONS[label].module
    key = SecretStr(remote_application.system.key("nobody" if way == "with another key" else module))
    signer = Signer("nobody" if way == "for another module" else module, [key])
    token = signer.token(Caller(module if way == "not listed" else caller_of(module)))

    status, document = refused(remote_application.owners[module], OPERATIONS[label].path, token)

    assert (status, document["type"]) == (403, "urn:fastmonolith:call:caller-refused")
