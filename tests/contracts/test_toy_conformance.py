"""Every kind of type, error and operation behaves the same in each placement."""

import json
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from monolith.contracts.contract import contract_of
from monolith.contracts.tokens import Caller, Signer
from tests.contracts.processes import Placement
from tests.contracts.requests import refused
from tests.contracts.toy import scenarios
from tests.contracts.toy.promises.stock import Stock
from tests.contracts.traces import Trace, whole_trace
from tests.otlp import Receiver


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.values_of_every_type_arrive_equal,
        scenarios.arguments_left_out_are_what_the_contract_says,
        scenarios.nothing_is_a_result,
        scenarios.declared_error_arrives_as_itself_with_its_data,
        scenarios.undeclared_error_is_a_provider_failure_without_its_words,
        scenarios.wrong_result_is_an_invalid_result,
        scenarios.wrong_arguments_are_refused_with_their_places,
        scenarios.deadline_ends_a_call_that_waits,
        scenarios.deadline_that_is_over_lets_nothing_begin,
        scenarios.deadline_shrinks_along_the_chain,
        scenarios.tenant_and_actor_travel_along_the_chain,
        scenarios.request_id_travels_along_the_chain,
        scenarios.provider_runs_as_its_module_with_its_role,
        scenarios.module_that_does_not_list_the_other_may_not_call_it,
        scenarios.cancelled_call_stops_waiting_at_once,
        scenarios.async_calls_are_under_way_together,
        scenarios.command_operation_has_its_effect_once,
        scenarios.command_operation_that_raised_may_be_tried_again,
        scenarios.command_operation_is_refused_inside_a_transaction,
        scenarios.gate_allows_and_denies_and_is_asked_once,
        scenarios.budget_is_spent_by_calls,
    ],
    ids=lambda scenario: scenario.__name__,
)
def test_caller_sees_no_difference(toy: Placement, scenario: Callable[[], None]) -> None:
    toy.caller.run(scenario)


def test_query_is_refused_in_a_transaction_where_it_would_leave_the_process(toy: Placement) -> None:
    toy.caller.run(scenarios.query_inside_a_transaction, is_refused=toy.name != "direct")


def test_each_process_holds_what_is_its_own(toy: Placement) -> None:
    caller, providers = toy.caller.run(scenarios.processes_and_what_they_hold)

    processes = {caller, *(process for process, _ in providers.values())}
    if toy.name != "http":
        assert processes == {caller}
        return
    assert len(processes) == 3
    assert {module: held for module, (_, held) in providers.items()} == {
        "stock": [
            "key of ledger",
            "key of stock",
            "password of platform_rw",
            "password of stock_rw",
            "secret STOCK_SECRET",
        ],
        "ledger": ["key of ledger", "password of ledger_rw", "password of platform_rw"],
    }


def test_calls_along_a_chain_are_one_trace_with_the_right_parents(
    toy: Placement, collector: Receiver
) -> None:
    trace_id = toy.caller.run(scenarios.traced_chain)

    def is_whole(trace: Trace) -> bool:
        return len([span for span in trace.spans if span.name == "SELECT"]) >= 2 and any(
            span.name == "scenario" for span in trace.spans
        )

    trace = whole_trace(collector, trace_id, is_whole)
    request = ["request"] if toy.name == "http" else []
    stock = ["scenario", "contract stock.chain", *request]
    ledger = [*stock, "contract ledger.whoami", *request]
    paths = [trace.path(span) for span in trace.spans]
    assert sorted(path for path in paths if path[-1] == "SELECT") == sorted(
        [[*stock, "SELECT"], [*ledger, "SELECT"]]
    )
    assert all(path[0] == "scenario" for path in paths)
    assert trace.modules() == {"shop", "stock", "ledger"}


def test_line_of_the_owner_names_the_request_of_the_caller(toy: Placement) -> None:
    log = toy.owners["stock"].log if toy.owners else toy.caller.log

    request = f"request-of-{toy.name}-0001"
    toy.caller.run(scenarios.ask_with_request_id, request)

    lines = [json.loads(line) for line in log.read_text().splitlines() if "stock was asked who it is" in line]
    assert [line["module"] for line in lines if line.get("request_id") == request] == ["stock"]


@pytest.mark.parametrize("operation", contract_of(Stock).operations)
@pytest.mark.parametrize(
    ("caller", "audience", "key"),
    [
        ("ledger", "stock", "stock"),
        ("stock", "stock", "stock"),
        ("shop", "ledger", "stock"),
        ("shop", "stock", "ledger"),
    ],
    ids=["not listed", "itself", "for another module", "with another module's key"],
)
def test_owner_refuses_whom_it_does_not_serve(
    remote_toy: Placement, operation: str, caller: str, audience: str, key: str
) -> None:
    signer = Signer(audience, [SecretStr(remote_toy.system.key(key))])

    status, document = refused(remote_toy.owners["stock"], f"stock/{operation}", signer.token(Caller(caller)))

    assert (status, document["type"]) == (403, "urn:fastmonolith:call:caller-refused")
