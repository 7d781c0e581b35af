"""Ticks: the moments at which a schedule is due, also where clocks jump."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith.jobs import Timing
from monolith.jobs.ticks import first_tick, following_tick, next_tick, ticks_after, ticks_due, timing_problems

OSLO = "Europe/Oslo"
# In Oslo, 2026: 29 March 02:00 becomes 03:00 (01:00 UTC); 25 October 03:00 becomes 02:00 (01:00 UTC).
ZONES = (OSLO, "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC")
CRONS = (
    "30 2 * * *",
    "0,30 2,3 * * *",
    "59 1 * * *",
    "0 * * * *",
    "*/15 * * * *",
    "*/20 2 * * *",
    "0 0 * * *",
    "5 0-4 * * *",
    "0 3 1 * *",
    "0 12 29 2 *",
    "0 9 * * 1-5",
)
crons = st.builds(
    lambda cron, zone: Timing(cron=cron, timezone=zone), st.sampled_from(CRONS), st.sampled_from(ZONES)
)
everies = st.builds(lambda s: Timing(every=timedelta(seconds=s)), st.integers(1, 200_000))
# Around the changes of clocks in 2011 (when Apia skipped a day) and 2026, and anywhere.
moments = st.one_of(
    st.tuples(st.just("2026-03-28T20:00Z"), st.integers(0, 43_200)),
    st.tuples(st.just("2026-10-24T20:00Z"), st.integers(0, 43_200)),
    st.tuples(st.just("2011-12-29T00:00Z"), st.integers(0, 2 * 86_400)),
    st.tuples(st.just("2024-01-01T00:00Z"), st.integers(0, 4 * 365 * 86_400)),
).map(lambda drawn: datetime.fromisoformat(drawn[0]) + timedelta(seconds=drawn[1]))


def clocks(cron: str, start: str, *, count: int, zone: str = OSLO) -> list[str]:
    """Return what the clock on the wall shows at the next ticks after a moment in UTC, with its offset."""
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC)
    ticks = islice(ticks_after(Timing(cron=cron, timezone=zone), moment), count)
    return [tick.astimezone(ZoneInfo(zone)).strftime("%d %H:%M%z") for tick in ticks]


def test_a_daily_tick_in_the_skipped_hour_comes_right_after_it() -> None:
    assert clocks("30 2 * * *", "2026-03-28", count=3) == ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"]


def test_a_daily_tick_in_the_repeated_hour_comes_once() -> None:
    assert clocks("30 2 * * *", "2026-10-24", count=3) == ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"]


def test_a_daily_tick_is_not_found_again_from_within_the_repeated_hour() -> None:
    # 01:15 UTC is the second 02:15 of that night; the first 02:30 has passed.
    assert clocks("30 2 * * *", "2026-10-25T01:15", count=1) == ["26 02:30+0100"]


def test_times_of_a_skipped_hour_are_one_tick() -> None:
    assert clocks("0,30 2,3 * * *", "2026-03-29", count=3) == [
        "29 03:00+0200",
        "29 03:30+0200",
        "30 02:00+0200",
    ]


@pytest.mark.parametrize("start", ["2026-03-28T22:30", "2026-10-24T22:30"])
def test_an_hourly_tick_follows_elapsed_time(start: str) -> None:
    ticks = list(islice(ticks_after(Timing(cron="0 * * * *", timezone=OSLO), _utc(start)), 6))
    assert ticks == [_utc(start) + timedelta(minutes=30, hours=n) for n in range(6)]


@pytest.mark.parametrize("start", ["2026-03-29T00:00", "2026-10-25T00:00"])
def test_quarters_of_an_hour_follow_elapsed_time(start: str) -> None:
    ticks = list(islice(ticks_after(Timing(cron="*/15 * * * *", timezone=OSLO), _utc(start)), 12))
    assert ticks == [_utc(start) + timedelta(minutes=15 * n) for n in range(1, 13)]


@pytest.mark.parametrize("start", ["2026-03-28T12:00", "2026-10-24T12:00"])
def test_every_day_is_24_hours_whatever_clocks_do(start: str) -> None:
    timing = Timing(every=timedelta(days=1), timezone=OSLO)
    assert list(islice(ticks_after(timing, _utc(start)), 2)) == [
        _utc(start) + timedelta(days=1),
        _utc(start) + timedelta(days=2),
    ]


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize("change", ["2026-03-29T01:00", "2026-10-25T01:00"])
def test_from_any_minute_around_a_change_of_clocks_the_next_tick_is_later(cron: str, change: str) -> None:
    timing = Timing(cron=cron, timezone=OSLO)
    moments = [_utc(change) + timedelta(minutes=n, seconds=1) for n in range(-120, 120)]
    ticks = [next_tick(timing, moment) for moment in moments]
    assert all(moment < tick for moment, tick in zip(moments, ticks, strict=True))
    assert ticks == sorted(ticks)


@given(st.one_of(crons, everies), moments)
def test_ticks_strictly_increase_and_none_is_past(timing: Timing, moment: datetime) -> None:
    ticks = [moment, *islice(ticks_after(timing, moment), 12)]
    assert all(earlier < later for earlier, later in pairwise(ticks))


@given(crons, moments, st.integers(1, 20), st.integers(1, 30))
def test_what_is_due_is_the_end_of_all_ticks_wherever_one_looks_from(
    timing: Timing, moment: datetime, count: int, limit: int
) -> None:
    ticks = list(islice(ticks_after(timing, moment), count))
    until = ticks[-1] + timedelta(seconds=30)
    assert ticks_due(timing, ticks[0], until, limit=limit) == ticks[-limit:]
    assert following_tick(timing, ticks[0], until) == next_tick(timing, ticks[-1])


@given(everies, moments, st.integers(0, 10**7), st.integers(1, 30))
def test_what_is_due_of_every_stays_on_the_grid_of_its_first_tick(
    timing: Timing, first: datetime, passed_s: int, limit: int
) -> None:
    assert timing.every is not None
    until = first + timedelta(seconds=passed_s)
    due = ticks_due(timing, first, until, limit=limit)
    assert 1 <= len(due) <= limit
    assert due[-1] <= until < following_tick(timing, first, until) == due[-1] + timing.every
    assert all((tick - first) % timing.every == timedelta() for tick in due)


def test_a_tick_off_the_calendar_counts_as_the_first() -> None:
    # As when somebody moved a schedule by hand.
    timing = Timing(cron="0 * * * *")
    first = _utc("2026-01-01T10:07")
    assert ticks_due(timing, first, _utc("2026-01-01T11:30"), limit=9) == [first, _utc("2026-01-01T11:00")]


def test_a_second_that_was_missed_for_a_year_is_found_at_once() -> None:
    timing = Timing(cron="* * * * *", timezone=OSLO)
    first = _utc("2025-01-01T00:00")
    assert ticks_due(timing, first, _utc("2026-01-01T00:00:30"), limit=1) == [_utc("2026-01-01T00:00")]


def test_a_new_schedule_of_every_is_due_at_once_and_one_of_the_calendar_by_the_calendar() -> None:
    now = _utc("2026-06-01T10:07")
    assert first_tick(Timing(every=timedelta(hours=6)), now) == now
    assert first_tick(Timing(cron="0 3 * * *", timezone=OSLO), now) == _utc("2026-06-02T01:00")


@pytest.mark.parametrize(
    ("timing", "problem"),
    [
        (Timing(), "either every= or cron="),
        (Timing(every=timedelta(hours=1), cron="* * * * *"), "either every= or cron="),
        (Timing(every=timedelta(milliseconds=10)), "at least one second"),
        (Timing(every=timedelta(hours=1), jitter=timedelta(seconds=-1)), "not negative"),
        (Timing(cron="0 3 * * *", timezone="Europe/Olso"), "unknown here"),
        (Timing(cron="0 0 3 * * *"), "not five fields"),
        (Timing(cron="0 25 * * *"), "cannot be read"),
        (Timing(cron="0 0 31 2 *"), "cannot be read"),
    ],
)
def test_a_timing_that_cannot_be_says_what_to_write(timing: Timing, problem: str) -> None:
    assert any(problem in found for found in timing_problems(timing))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
