"""The gate: kept for a while, forgotten on change, denying when it cannot be asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from monolith.contracts import InvalidCall, acting, decisions, forget_decisions, require
from monolith.contracts import dispatcher as dispatching
from tests.monolith.contract_calls import Provide, provide
from tests.monolith.promised.ships import Decision, Outcome, Ships

__all__ = ["provide"]

ALLOW = Decision(outcome=Outcome.ALLOW)
DENY = Decision(outcome=Outcome.DENY)


def answering(provide: Provide, answer: Callable[[str], Decision]) -> list[str]:
    asked: list[str] = []

    def allow(*, subject: str) -> Decision:
        asked.append(subject)
        return answer(subject)

    provide(allow=allow)
    return asked


def test_answer_is_asked_for_once_per_question(provide: Provide) -> None:
    asked = answering(provide, lambda subject: ALLOW if subject == "ann" else DENY)
    for _ in range(3):
        assert require(Ships).allow(subject="ann") == ALLOW
        assert require(Ships).allow(subject="bob") == DENY
    assert asked == ["ann", "bob"]


def test_answer_for_one_tenant_is_none_for_another(provide: Provide) -> None:
    asked = answering(provide, lambda _: ALLOW)
    for tenant in ("acme", "initech", "acme"):
        with acting(tenant=tenant):
            require(Ships).allow(subject="ann")
    assert asked == ["ann", "ann"]


def test_forgotten_answers_are_asked_for_again(provide: Provide) -> None:
    asked = answering(provide, lambda _: ALLOW)
    require(Ships).allow(subject="ann")
    forget_decisions()
    require(Ships).allow(subject="ann")
    assert asked == ["ann", "ann"]


def test_answer_that_was_being_asked_for_when_grants_changed_is_not_kept(provide: Provide) -> None:
    def changed_meanwhile(_: str) -> Decision:
        forget_decisions()
        return ALLOW

    asked = answering(provide, changed_meanwhile)
    require(Ships).allow(subject="ann")
    require(Ships).allow(subject="ann")
    assert asked == ["ann", "ann"]


class Clock:
    """Seconds since some start, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    by_hand = Clock()
    monkeypatch.setattr(decisions, "monotonic", by_hand)
    return by_hand


def test_answer_is_not_kept_beyond_the_ceiling(provide: Provide, clock: Clock) -> None:
    asked = answering(provide, lambda _: ALLOW)
    require(Ships).allow(subject="ann")
    clock.now = 59
    require(Ships).allow(subject="ann")
    assert asked == ["ann"]
    clock.now = 61
    require(Ships).allow(subject="ann")
    assert asked == ["ann", "ann"]


def test_answer_is_not_kept_beyond_its_own_end(provide: Provide, clock: Clock) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=30)
    asked = answering(provide, lambda _: Decision(outcome=Outcome.ALLOW, until=ends))
    require(Ships).allow(subject="ann")
    clock.now = 15
    require(Ships).allow(subject="ann")
    assert asked == ["ann"]
    clock.now = 31
    require(Ships).allow(subject="ann")
    assert asked == ["ann", "ann"]


def test_answer_that_ended_before_it_came_is_not_kept(provide: Provide) -> None:
    ended = datetime.now(UTC) - timedelta(seconds=1)
    asked = answering(provide, lambda _: Decision(outcome=Outcome.ALLOW, until=ended))
    require(Ships).allow(subject="ann")
    require(Ships).allow(subject="ann")
    assert asked == ["ann", "ann"]


def test_gate_that_fails_denies_and_is_asked_again(
    provide: Provide, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str) -> Decision:
        raise ConnectionError

    asked = answering(provide, broken)
    assert require(Ships).allow(subject="ann") == DENY
    assert require(Ships).allow(subject="ann") == DENY
    assert asked == ["ann", "ann"]
    assert "could not be asked and denies" in caplog.text


def test_gate_that_answers_nonsense_denies(provide: Provide) -> None:
    provide(allow=lambda *, subject: "sure")
    assert require(Ships).allow(subject="ann") == DENY


def test_wrong_question_is_the_callers_error_and_no_denial(provide: Provide) -> None:
    answering(provide, lambda _: ALLOW)
    with pytest.raises(InvalidCall):
        require(Ships).allow(subject=7)  # type: ignore[arg-type]  # what the type checker refuses too


def test_gate_that_is_nowhere_denies(provide: Provide, caplog: pytest.LogCaptureFixture) -> None:
    del dispatching.dispatcher()._transports["ships"]
    assert require(Ships).allow(subject="ann") == DENY
    assert "MONOLITH_REMOTE_SHIPS" in caplog.text
