"""Answers of the gate are forgotten by every process that keeps some, once the database says that they changed."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from monolith import atomic, entering
from monolith.contracts import decisions
from monolith.contracts.contract import contract_of
from monolith.contracts.registry import promises_of, provider_problems
from monolith.embedded import PostgresCluster
from monolith.events.gate import forget_decisions
from monolith.testing.database import admin_connection
from monolith.testing.events import wait_for
from tests.monolith.contract_calls import Provide, provide
from tests.monolith.promised.ships import Decision, Outcome, Ships

__all__ = ["provide"]

LISTENERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%monolith_decisions%%' AND datname = %s"
)


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that hears of changes; it ends to do so with the test."""
    monkeypatch.setattr(decisions, "_listening", 0)
    monkeypatch.setattr(decisions, "hears_changes", True)
    decisions.forget_decisions()
    yield
    decisions.forget_decisions()


def keep(number: int = 0) -> None:
    """Keep an answer as if the gate had been asked."""
    gate = contract_of(_compliance()).operations["check"].gate
    assert gate is not None
    decisions._keep(("check", str(number)), gate.on_failure, gate, decisions._generation)


def _compliance() -> Any:
    from contracts.compliance import Compliance

    return Compliance


def listeners(cluster: PostgresCluster) -> int:
    name = connections["ships"].settings_dict["NAME"]
    with admin_connection(cluster, name) as connection:
        row = connection.execute(LISTENERS, [name]).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.usefixtures("committed_db", "hearing")
def test_what_is_kept_is_forgotten_when_the_subscriber_of_another_process_says_so(
    cluster: PostgresCluster,
) -> None:
    generation = decisions._generation
    assert listeners(cluster) == 0
    keep()
    # What was kept before it could hear may have changed already.
    wait_for(lambda: True if decisions._generation > generation else None, what="the beginning")
    assert not decisions._kept
    keep(1)
    keep(2)
    assert listeners(cluster) == 1
    with entering("ships"), atomic():
        forget_decisions.call({})
        assert decisions._kept  # not before it commits
    wait_for(lambda: True if not decisions._kept else None, what="the change to be heard")


@pytest.mark.usefixtures("hearing")
def test_a_process_that_keeps_nothing_and_one_whose_gate_names_no_event_listen_to_nothing(
    provide: Provide,
) -> None:
    rules = contract_of(Ships).operations["allow"].gate
    assert rules is not None
    decisions._keep(("allow",), Decision(outcome=Outcome.ALLOW), rules, decisions._generation)
    assert decisions._listening != os.getpid()


def test_an_event_that_the_contract_does_not_declare_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    from contracts import compliance
    from monolith import composed

    (promise,) = promises_of(composed().declared["compliance"])
    assert list(provider_problems(promise)) == []
    monkeypatch.delattr(compliance, "GrantChanged")
    (problem,) = provider_problems(promise)
    assert problem == (
        "compliance.check says changed_by='GrantChanged', and its contract declares no such event; "
        "name one of it: none is declared"
    )
