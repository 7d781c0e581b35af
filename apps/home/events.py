"""Keeping the events of a calendar. Runs as home: enter the module first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from apps.home.calendar.port import Calendar, Entry, Reading
from apps.home.errors import CalendarError
from apps.home.models import CalendarEvent, CalendarFetch
from monolith import atomic

BEHIND: Final = timedelta(days=2)  # what began the day before may go on today, whatever zone today is of
AHEAD: Final = timedelta(days=14)
_UPDATED: Final = ["title", "place", "starts_at", "ends_at", "updated_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarReport:
    """How a reading went."""

    events: int
    removed: int = 0
    problem: str = ""


def refresh_calendar(*, calendar: Calendar, now: datetime) -> CalendarReport:
    """Bring the events around today in line with the calendar; what it no longer has is removed.

    A calendar that fails or has nothing removes nothing, and says so in its fetch.
    """
    since, until = now - BEHIND, now + AHEAD
    try:
        reading, failure = calendar.read(since=since, until=until), ""
    except CalendarError as error:
        reading, failure = Reading(entries=()), str(error)
    entries = [entry for entry in reading.entries if entry.starts_at <= entry.ends_at]
    problem = failure or _refusals(reading, len(reading.entries) - len(entries))
    with atomic():
        removed = _store(calendar.name, entries, since, until)
        _record(calendar.name, now, len(entries), problem, failed=bool(failure))
    return CalendarReport(events=len(entries), removed=removed, problem=problem)


def _store(source: str, entries: list[Entry], since: datetime, until: datetime) -> int:
    if not entries:
        return 0
    rows = [
        CalendarEvent(
            source=source, uid=e.uid, title=e.title, place=e.place, starts_at=e.starts_at, ends_at=e.ends_at
        )
        for e in entries
    ]
    CalendarEvent.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["source", "uid"], update_fields=_UPDATED
    )
    around = Q(source=source, starts_at__gte=since, starts_at__lt=until)
    gone = CalendarEvent.objects.filter(around).exclude(uid__in=[entry.uid for entry in entries])
    return gone.delete()[0]


def _record(source: str, now: datetime, events: int, problem: str, *, failed: bool) -> None:
    known = {"at": now, "events": events, "error": problem}
    CalendarFetch.objects.update_or_create(
        source=source, defaults=known if failed else known | {"succeeded_at": now}
    )


def _refusals(reading: Reading, upside_down: int) -> str:
    refused = [*reading.refused, *[f"{upside_down} end before they begin"] * bool(upside_down)]
    return f"{len(refused)} refused; the first: {refused[0]}" if refused else ""
