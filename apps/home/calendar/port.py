"""The port that every calendar stands behind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happens at a time; what repeats is one entry each time."""

    uid: str  # the same whenever the calendar is read
    title: str
    starts_at: datetime
    ends_at: datetime
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a calendar has."""

    entries: tuple[Entry, ...]
    refused: tuple[str, ...] = ()  # entries that could not be read, each with its reason


class Calendar(Protocol):
    """A calendar."""

    @property
    def name(self) -> str:
        """What HOME_CALENDAR calls it."""
        ...

    def read(self, *, since: datetime, until: datetime) -> Reading:
        """Return what begins from one moment until before another. Raises CalendarError when it cannot be read."""
        ...
