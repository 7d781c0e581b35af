"""What counts of probes say of a service."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.home.slo import Objective, judge, share_pct, worst
from contracts.home import Status

WEEK = timedelta(days=7)


def objective(target: str, window: timedelta = WEEK) -> Objective:
    return Objective(target_pct=Decimal(target), window=window)


@pytest.mark.parametrize(
    ("target", "good", "total", "status"),
    [
        ("99.5", 0, 0, Status.UNKNOWN),
        ("99.5", 199, 200, Status.HEALTHY),  # exactly at the target
        ("99.5", 1989, 2000, Status.WARNING),
        ("99.5", 198, 200, Status.WARNING),  # exactly half a point below
        ("99.5", 1979, 2000, Status.DEGRADED),
        ("100", 999, 1000, Status.WARNING),
        ("100", 1000, 1000, Status.HEALTHY),
        ("0.4", 0, 1000, Status.WARNING),  # half a point below it is less than nothing
        ("99.999", 99_999, 100_000, Status.HEALTHY),
        ("99.999", 99_998, 100_000, Status.WARNING),
    ],
)
def test_status_follows_from_the_counts(target: str, good: int, total: int, status: Status) -> None:
    assert judge(objective(target), total=total, good=good).status is status


def test_a_missed_target_is_never_shown_as_met() -> None:
    """99.49999 % would round to the target that it misses."""
    verdict = judge(objective("99.5"), total=10_000_000, good=9_949_999)
    assert verdict.status is Status.WARNING
    assert verdict.availability_pct == Decimal("99.499")


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_shown_share_is_at_most_the_real_one_and_close_to_it(good: int, bad: int) -> None:
    shown = share_pct(total=good + bad, good=good)
    assert shown is not None
    assert 0 <= Decimal(good * 100) / (good + bad) - shown < Decimal("0.001")


@pytest.mark.parametrize(
    ("target", "window", "minutes"),
    [
        ("99.5", WEEK, "50.4"),
        ("99.9", timedelta(days=30), "43.2"),
        ("100", WEEK, "0"),
        ("99", timedelta(hours=1), "0.6"),
    ],
)
def test_the_budget_is_what_the_target_leaves_of_the_window(
    target: str, window: timedelta, minutes: str
) -> None:
    assert judge(objective(target, window), total=0, good=0).budget_minutes == Decimal(minutes)


def test_each_bad_probe_spends_a_minute_and_may_overspend() -> None:
    verdict = judge(objective("99.5"), total=1000, good=940)
    assert (verdict.spent_minutes, verdict.left_minutes) == (Decimal(60), Decimal("-9.6"))


def test_the_worst_of_several_and_unknown_only_where_nothing_is_known() -> None:
    assert worst([]) is Status.UNKNOWN
    assert worst([Status.UNKNOWN, Status.HEALTHY]) is Status.HEALTHY
    assert worst([Status.HEALTHY, Status.DEGRADED, Status.WARNING]) is Status.DEGRADED
