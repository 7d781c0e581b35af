"""How the gate decides: a pure function of what is needed, what is held, and the time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.compliance import Decision, Outcome


@dataclass(frozen=True, slots=True)
class Question:
    """Whether someone may do something."""

    tenant: str
    subject: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Need:
    """What one matching rule asks for."""

    right: str
    notice: timedelta  # say so when the right ends within this time


@dataclass(frozen=True, slots=True)
class Holding:
    """The longest of the grants of one right that match, ended ones included."""

    ends_at: datetime | None  # None: it does not end by itself

    def ended(self, now: datetime) -> datetime | None:
        """Return when it ended, None when it holds at `now`; it no longer holds at `ends_at` itself."""
        return self.ends_at if self.ends_at is not None and self.ends_at <= now else None


def decide(
    question: Question, *, needs: Sequence[Need], holdings: Mapping[str, Holding], now: datetime
) -> Decision:
    """Return whether every right that is needed is held at `now`; `holdings` are by right.

    What no rule mentions is denied.
    """
    missing = tuple(_missing(question, needs, holdings, now))
    if missing:
        return Decision(outcome=Outcome.DENY, missing=missing)
    ends = [(end, need.notice) for need in needs if (end := holdings[need.right].ends_at) is not None]
    is_expiring = any(end - now <= notice for end, notice in ends)
    return Decision(
        outcome=Outcome.EXPIRING if is_expiring else Outcome.ALLOW,
        ends_at=min((end for end, _ in ends), default=None),
    )


def _missing(
    question: Question, needs: Sequence[Need], holdings: Mapping[str, Holding], now: datetime
) -> Iterator[str]:
    if not needs:
        yield (
            f"a rule for {question.action} on {question.resource}: none says what it needs, so nobody may do it. "
            f"Add one under Compliance > Rules"
        )
    for right in sorted({need.right for need in needs}):
        holding = holdings.get(right)
        if holding is None:
            yield f"{_described(question, right)}. Grant it under Compliance > Grants"
        elif ended := holding.ended(now):
            yield (
                f"{_described(question, right)}: it ended {ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC. "
                f"Grant it again under Compliance > Grants"
            )


def _described(question: Question, right: str) -> str:
    tenant = f" in tenant {question.tenant}" if question.tenant else ""
    return f"the right {right} on {question.resource} for {question.subject}{tenant}"
