"""Service levels: what the counts of probes say of a service. Pure arithmetic, exact."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from contracts.home import Status

WARNING_MARGIN_PCT: Final = Decimal("0.5")  # percentage points below the target
PROBE_MINUTES: Final = Decimal(1)  # what one probe stands for: they are made once a minute
_PCT: Final = Decimal("0.001")
_MINUTE: Final = Decimal("0.01")

# Worst first, to find the worst of several. What is not known says nothing about the rest.
SEVERITY: Final = (Status.DEGRADED, Status.WARNING, Status.HEALTHY, Status.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A service level objective."""

    target_pct: Decimal  # of the probes in the window that are to be good
    window: timedelta  # up to now


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the probes of a window say of a service."""

    status: Status
    total: int
    good: int
    availability_pct: Decimal | None  # None without a probe
    budget_minutes: Decimal  # of the window may be bad
    spent_minutes: Decimal  # of it were seen to be

    @property
    def left_minutes(self) -> Decimal:
        """What is left of the budget; negative when more than all of it is spent."""
        return self.budget_minutes - self.spent_minutes


def judge(objective: Objective, *, total: int, good: int) -> Verdict:
    """Return what `good` of `total` probes mean: healthy from the target up, warning from half a point below it up."""
    return Verdict(
        status=_status(objective.target_pct, total=total, good=good),
        total=total,
        good=good,
        availability_pct=share_pct(total=total, good=good),
        budget_minutes=budget_minutes(objective),
        spent_minutes=(total - good) * PROBE_MINUTES,
    )


def _status(target_pct: Decimal, *, total: int, good: int) -> Status:
    if not total:
        return Status.UNKNOWN
    # Not by the rounded share: 99.4999 % misses 99.5 %, however it is shown.
    if good * 100 >= target_pct * total:
        return Status.HEALTHY
    return Status.WARNING if good * 100 >= (target_pct - WARNING_MARGIN_PCT) * total else Status.DEGRADED


def share_pct(*, total: int, good: int) -> Decimal | None:
    """Return the good share in percent, rounded down, so that a missed target is never shown as met."""
    if not total:
        return None
    return (Decimal(good * 100) / total).quantize(_PCT, rounding=ROUND_FLOOR)


def budget_minutes(objective: Objective) -> Decimal:
    """Return how many minutes of the window may be bad."""
    minutes = Decimal(objective.window // timedelta(minutes=1))
    return (minutes * (100 - objective.target_pct) / 100).quantize(_MINUTE)


def worst(statuses: list[Status]) -> Status:
    """Return the worst of several; unknown only where nothing is known."""
    return min(statuses, key=SEVERITY.index, default=Status.UNKNOWN)
