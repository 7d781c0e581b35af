"""A team's week, computed from the rules in fixture.json: the same for everyone, and always current."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.home.calendar.port import Entry, Reading

_DAY: Final = timedelta(days=1)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class FixtureCalendar:
    """Events by weekday, some only in certain weeks of the month, at the local time of their place."""

    name = "fixture"

    def read(self, *, since: datetime, until: datetime) -> Reading:
        """Return what begins from one moment until before another."""
        found = (entry for rule in _rules() for entry in _entries(rule, since - _DAY, until + _DAY))
        return Reading(
            entries=tuple(
                sorted((e for e in found if since <= e.starts_at < until), key=lambda e: (e.starts_at, e.uid))
            )
        )


def _entries(rule: Mapping[str, Any], since: datetime, until: datetime) -> Iterator[Entry]:
    zone = ZoneInfo(rule["time_zone"])
    day = since.astimezone(zone).date()
    while day <= until.astimezone(zone).date():
        if _falls_on(rule, day):
            starts_at = datetime.combine(day, time.fromisoformat(rule["at"]), zone).astimezone(UTC)
            yield Entry(
                uid=f"{rule['key']}@{day}",
                title=rule["title"],
                place=rule.get("place", ""),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=rule["minutes"]),
            )
        day += _DAY


def _falls_on(rule: Mapping[str, Any], day: date) -> bool:
    week = (day.day - 1) // 7 + 1  # the second Tuesday is that of the days 8 to 14
    return _DAYS[day.weekday()] in rule["days"] and week in rule.get("weeks", (week,))


@cache
def _rules() -> list[dict[str, Any]]:
    text = files("apps.home").joinpath("calendar", "fixture.json").read_text(encoding="utf-8")
    return list(json.loads(text))
