"""Reading calendars and keeping their events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.test import override_settings

from apps.home.calendar.calendars import default_calendar
from apps.home.calendar.fixture import FixtureCalendar
from apps.home.calendar.port import Entry, Reading
from apps.home.errors import CalendarError, UnknownCalendarError
from apps.home.events import CalendarReport, refresh_calendar
from apps.home.models import CalendarEvent, CalendarFetch

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_home")]

NOW: Final = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)


@dataclass
class Given:
    """A calendar that has what it was given, or does what it was told."""

    reading: Reading | Callable[[], Reading]
    name: str = "given"

    def read(self, *, since: datetime, until: datetime) -> Reading:
        return self.reading() if callable(self.reading) else self.reading


def entry(uid: str, *, hours: float = 0, lasts: timedelta = HOUR, title: str = "") -> Entry:
    starts_at = NOW + hours * HOUR
    return Entry(uid=uid, title=title or uid, starts_at=starts_at, ends_at=starts_at + lasts)


def given(*entries: Entry, refused: tuple[str, ...] = ()) -> Given:
    return Given(Reading(entries=entries, refused=refused))


def titles() -> list[str]:
    return list(CalendarEvent.objects.values_list("title", flat=True))


def test_events_follow_their_calendar() -> None:
    refresh_calendar(calendar=given(entry("a"), entry("b", hours=2)), now=NOW)
    changed = given(entry("b", hours=3, title="moved"), entry("c", hours=4))
    assert refresh_calendar(calendar=changed, now=NOW) == CalendarReport(events=2, removed=1)
    assert titles() == ["moved", "c"]


def test_what_is_behind_and_other_calendars_are_left_alone() -> None:
    refresh_calendar(calendar=given(entry("old", hours=-72), entry("a")), now=NOW)
    refresh_calendar(calendar=Given(Reading(entries=(entry("theirs"),)), name="other"), now=NOW)
    refresh_calendar(calendar=given(entry("b")), now=NOW)
    assert titles() == ["old", "b", "theirs"]


def test_a_calendar_that_fails_or_is_empty_removes_nothing() -> None:
    refresh_calendar(calendar=given(entry("a")), now=NOW)

    def fails() -> Reading:
        raise CalendarError("the server is down")

    assert refresh_calendar(calendar=Given(fails), now=NOW + HOUR).problem == "the server is down"
    assert refresh_calendar(calendar=given(), now=NOW + 2 * HOUR).removed == 0
    assert titles() == ["a"]


def test_each_reading_says_how_it_went() -> None:
    refresh_calendar(calendar=given(entry("a")), now=NOW)

    def fails() -> Reading:
        raise CalendarError("the server is down")

    refresh_calendar(calendar=Given(fails), now=NOW + HOUR)
    fetch = CalendarFetch.objects.get()
    assert (fetch.at, fetch.succeeded_at, fetch.error) == (NOW + HOUR, NOW, "the server is down")


def test_a_bad_entry_is_noted_and_the_others_are_kept() -> None:
    calendar = given(entry("a"), entry("b", lasts=-HOUR), refused=("entry 3 has no start",))
    report = refresh_calendar(calendar=calendar, now=NOW)
    assert (report.events, report.problem) == (1, "2 refused; the first: entry 3 has no start")
    assert titles() == ["a"]


def test_the_fixture_is_at_the_local_time_of_its_place_when_clocks_change() -> None:
    """Oslo's clocks go forward on Sunday 29 March 2026."""
    found = FixtureCalendar().read(
        since=datetime(2026, 3, 27, tzinfo=UTC), until=datetime(2026, 3, 31, tzinfo=UTC)
    )
    stand_ups = [e.starts_at for e in found.entries if e.title == "Stand-up"]
    assert stand_ups == [
        datetime(2026, 3, 27, 8, 15, tzinfo=UTC),
        datetime(2026, 3, 30, 7, 15, tzinfo=UTC),
    ]


def test_the_fixture_has_some_events_in_certain_weeks_only() -> None:
    found = FixtureCalendar().read(
        since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 4, 1, tzinfo=UTC)
    )
    assert [e.starts_at.day for e in found.entries if e.title == "Patch window"] == [10]
    assert [e.starts_at.day for e in found.entries if e.title == "Service level review"] == [5, 19]
    assert len({e.uid for e in found.entries}) == len(found.entries)


def test_the_fixture_reads_the_same_in_parts_as_in_one() -> None:
    """Where one reading ends the next begins: nothing is lost or doubled at the seam."""
    calendar, first = FixtureCalendar(), datetime(2026, 3, 20, tzinfo=UTC)
    whole = calendar.read(since=first, until=first + 240 * HOUR).entries
    parts = [calendar.read(since=first + n * HOUR, until=first + (n + 1) * HOUR).entries for n in range(240)]
    assert tuple(e for part in parts for e in part) == whole


def test_a_calendar_that_nobody_has_is_named() -> None:
    assert default_calendar().name == "fixture"
    with (
        override_settings(HOME_CALENDAR="exchange"),
        pytest.raises(UnknownCalendarError, match="'exchange'; HOME_CALENDAR is one of fixture"),
    ):
        default_calendar()
