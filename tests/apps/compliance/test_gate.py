"""The gate as its callers see it, on the real database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.compliance import services
from apps.compliance.models import AuditEntry, Grant, Rule
from contracts.compliance import Compliance, Decision, Outcome
from monolith import entering
from monolith.contracts import InvalidCall, acting, require
from tests.apps.compliance.conftest import BY, grant, rule

pytestmark = pytest.mark.django_db(databases="__all__")

type Committing = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def committing(django_capture_on_commit_callbacks: Any) -> Committing:
    """Run blocks as compliance, and what waits for their commit, which a test's own transaction never does."""

    @contextmanager
    def block() -> Iterator[None]:
        with (
            entering("compliance"),
            django_capture_on_commit_callbacks(using="compliance", execute=True),
        ):
            yield

    return block


def asked(subject: str = "user:7", action: str = "ships.ingest", resource: str = "source:post") -> Decision:
    with entering("ships"):
        return require(Compliance).check(subject=subject, action=action, resource=resource)


@pytest.fixture
def may_ingest() -> None:
    with entering("compliance"):
        rule("ships.*", "ships.ingest")
        grant("user:7", "ships.ingest")


def test_what_no_rule_mentions_is_denied() -> None:
    assert asked().outcome is Outcome.DENY


@pytest.mark.usefixtures("may_ingest")
def test_who_holds_the_right_is_allowed_and_nobody_else() -> None:
    assert asked() == Decision(outcome=Outcome.ALLOW)
    other = asked("user:70")
    assert (other.outcome, other.missing) == (
        Outcome.DENY,
        ("the right ships.ingest on source:post for user:70. Grant it under Compliance > Grants",),
    )


@pytest.mark.usefixtures("may_ingest")
def test_a_right_holds_for_its_resources_and_its_tenant_only() -> None:
    with entering("compliance"):
        grant("user:*", "ships.ingest", resource="source:file/*")
        grant("user:*", "ships.ingest", tenant="acme")
    assert asked("user:8", resource="source:file/a").allowed
    assert not asked("user:8", resource="source:post").allowed
    with acting(tenant="acme"):
        assert asked("user:8").allowed
    with acting(tenant="other"):
        assert not asked("user:7").allowed


@pytest.mark.usefixtures("may_ingest")
def test_all_rules_that_match_must_be_met() -> None:
    with entering("compliance"):
        rule("ships.ingest", "ships.trusted", resource="source:post")
    assert not asked().allowed
    assert asked(resource="source:pipe").allowed


@pytest.mark.usefixtures("may_ingest")
def test_the_longest_of_several_grants_counts(now: datetime) -> None:
    with entering("compliance"):
        grant("user:8", "ships.ingest", ends_at=now + timedelta(days=1))
        grant("user:8", "ships.ingest", ends_at=now + timedelta(days=100))
        grant("user:7", "ships.ingest", ends_at=now + timedelta(days=1))
    assert asked("user:8").ends_at == now + timedelta(days=100)
    assert asked("user:7").ends_at is None


@pytest.mark.usefixtures("may_ingest")
def test_no_kept_answer_outlives_the_right(now: datetime) -> None:
    end = now + timedelta(days=1)
    with entering("compliance"):
        grant("user:8", "ships.ingest", ends_at=end)
    # Kept answers go by the monotonic clock, which runs on in here: a microsecond of it has always passed.
    with time_machine.travel(end - timedelta(microseconds=1), tick=False) as clock:
        decision = asked("user:8")
        assert (decision.outcome, decision.ends_at) == (Outcome.EXPIRING, end)
        clock.move_to(end)
        assert not asked("user:8").allowed


@pytest.mark.usefixtures("may_ingest")
def test_what_changes_is_not_answered_from_before(now: datetime, committing: Committing) -> None:
    assert asked().allowed
    with committing():
        services.end_grant(pk=Grant.objects.get().pk, by=BY, now=now)
    assert not asked().allowed
    with committing():
        grant("user:7", "ships.ingest")
    assert asked().allowed
    with committing():
        services.end_rule(pk=Rule.objects.get().pk, by=BY, now=now)
    assert not asked().allowed


@pytest.mark.usefixtures("may_ingest")
def test_each_decision_is_recorded_with_what_was_asked_and_said() -> None:
    with acting(tenant="acme", actor="user:9"):
        denied = asked("user:8")
    assert asked().allowed
    with entering("compliance"):
        assert [entry.event for entry in AuditEntry.objects.filter(tenant="")] == [
            "check",
            "grant.made",
            "rule.made",
        ]
        entry = AuditEntry.objects.get(tenant="acme")
        assert (entry.position, entry.event, entry.by) == (1, "check", "user:9")
        assert entry.details == {
            "subject": "user:8",
            "action": "ships.ingest",
            "resource": "source:post",
            "outcome": "deny",
            "missing": list(denied.missing),
            "ends_at": None,
        }


@pytest.mark.usefixtures("may_ingest")
def test_an_answer_that_is_kept_is_not_a_second_decision() -> None:
    assert asked() == asked()
    with entering("compliance"):
        assert AuditEntry.objects.filter(content__event="check").count() == 1


@pytest.mark.parametrize("subject", ["", "a\x00b", "a\nb", "x" * 201])
def test_what_is_no_name_is_refused(subject: str) -> None:
    with pytest.raises(InvalidCall):
        asked(subject)
