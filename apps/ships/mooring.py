"""When a vessel lies still."""

from dataclasses import dataclass
from datetime import timedelta
from math import cos, hypot, radians
from typing import Final

from apps.ships.ais import Report

METRES_PER_DEGREE: Final = 111_195.0  # of a great circle, on a sphere of 6,371 km

# A report this close, this slow and this soon after a stored one says nothing new. Raise them and tables shrink;
# a short shift along the quay then goes unseen.
REPEAT_METRES: Final = 100.0
REPEAT_KNOTS: Final = 0.5
REPEAT_MS: Final = 300_000

# Swinging at anchor stays within half a kilometre; an hour tells lying still from waiting for a lock.
MOORED_METRES: Final = 500.0
MOORED_AFTER: Final = timedelta(hours=1)
_MOORED_MS: Final = MOORED_AFTER // timedelta(milliseconds=1)


@dataclass(slots=True)
class Stay:
    """A vessel's newest stored report and the place it has not left since `since`; times in milliseconds."""

    at: int
    latitude: float
    longitude: float
    since: int
    anchor_latitude: float
    anchor_longitude: float

    @classmethod
    def begun(cls, report: Report) -> "Stay":
        return cls(report[1], report[2], report[3], report[1], report[2], report[3])

    @property
    def is_moored(self) -> bool:
        """Whether it has lasted long enough to be more than waiting."""
        return self.at - self.since >= _MOORED_MS

    def moved_to(self, report: Report) -> "Stay":
        """Return the stay after a newer report: the same place, or a new one begun."""
        if not within(MOORED_METRES, self.anchor_latitude, self.anchor_longitude, report[2], report[3]):
            return Stay.begun(report)
        return Stay(report[1], report[2], report[3], self.since, self.anchor_latitude, self.anchor_longitude)


@dataclass(frozen=True, slots=True)
class Turn:
    """A vessel has moored, or has departed from where it was."""

    mmsi: int
    at: int  # of the report by which it shows, in milliseconds
    departed: bool  # else it moored
    stay: Stay  # where, and since when


def turn(before: Stay, after: Stay, *, mmsi: int) -> Turn | None:
    """Return what a stored report tells of a vessel's mooring; None when it is as it was."""
    if before.is_moored:
        return None if after.since == before.since else Turn(mmsi, after.at, departed=True, stay=before)
    return Turn(mmsi, after.at, departed=False, stay=after) if after.is_moored else None


def within(metres: float, latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> bool:
    """Say whether two places are at most `metres` apart, up to a few kilometres.

    Takes the Earth as flat between them: wrong by less than a millimetre per 500 m below 80 degrees.
    """
    north = (to_latitude - latitude) * METRES_PER_DEGREE
    if north > metres or north < -metres:
        return False
    degrees = abs(to_longitude - longitude)
    east = (360 - degrees if degrees > 180 else degrees) * METRES_PER_DEGREE
    return hypot(north, east * cos(radians((latitude + to_latitude) / 2))) <= metres


def is_slow(report: Report) -> bool:
    """Say whether a report is slow enough to repeat an earlier one; an unknown speed is not."""
    return report[4] is not None and report[4] <= REPEAT_KNOTS


def repeats(report: Report, *, at: int, latitude: float, longitude: float) -> bool:
    """Say whether a report only repeats what a stored one (time in milliseconds, place) already says."""
    return (
        is_slow(report)
        and 0 <= report[1] - at < REPEAT_MS
        and within(REPEAT_METRES, latitude, longitude, report[2], report[3])
    )
