"""The calendars by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from django.conf import settings

from apps.home.calendar.fixture import FixtureCalendar
from apps.home.calendar.port import Calendar
from apps.home.errors import UnknownCalendarError

CALENDARS: Final[Mapping[str, Callable[[], Calendar]]] = MappingProxyType({"fixture": FixtureCalendar})


def default_calendar() -> Calendar:
    """Return the calendar that HOME_CALENDAR names, else the one that ships. Raises UnknownCalendarError."""
    name = str(getattr(settings, "HOME_CALENDAR", FixtureCalendar.name))
    if name not in CALENDARS:
        raise UnknownCalendarError(name, CALENDARS)
    return CALENDARS[name]()
