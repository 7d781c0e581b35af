"""What AIS messages say: vessel reports and vessel descriptions, decoded by pyais.

Types 1, 2, 3, 18, 19 and 27 report a place; 5, 19 and 24 describe the vessel. Source of every field, unit and
"not available" value: ITU-R M.1371-5, annex 8.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from apps.ships.rejection import Reason
from apps.ships.sentences import Message

# Shortest payload in bits that holds every field we read. Transmitters are known to drop trailing spare bits.
SHORTEST: Final = {1: 168, 2: 168, 3: 168, 5: 420, 18: 168, 19: 301, 24: 160, 27: 94}
SHORTEST_PART_B: Final = 162  # of type 24

NO_LATITUDE: Final = 91.0
NO_LONGITUDE: Final = 181.0
NO_SPEED: Final = 102.3  # knots
NO_COURSE: Final = 360.0  # degrees; anything above is not used
NO_HEADING: Final = 511
NO_SPEED_LONG_RANGE: Final = (
    63  # type 27 counts whole knots and whole degrees; its course needs no value of its own
)
NO_HOUR, NO_MINUTE = 24, 60


class Report(NamedTuple):
    """Where a vessel was. Sorts by vessel, then time."""

    mmsi: int
    at: int  # milliseconds since 1970
    latitude: float  # degrees
    longitude: float  # degrees
    sog: float | None  # speed over ground, knots
    cog: float | None  # course over ground, degrees
    heading: int | None  # true, degrees
    status: int | None  # navigational status, class A only
    message_type: int
    sentences: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a vessel says about itself, by group of fields, because types 5 and 24 renew different ones."""

    mmsi: int
    at: int  # milliseconds since 1970
    sentences: int
    name: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    voyage: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """A message that decodes to nothing we can keep."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


def read(message: Message) -> tuple[Report | None, Description | None]:
    """Decode one message into what it reports and what it describes.

    Raises Refused when it has no vessel, no place, a broken payload or a type that is not tracked.
    """
    # Here: its classes take a tenth of a second to make, and most processes decode nothing.
    from pyais import bit_vector
    from pyais.exceptions import AISBaseException
    from pyais.messages import MSG_CLASS

    bits = bit_vector(message.payload, message.fill)
    message_type = bits.get(0, 6)
    if message_type not in SHORTEST:
        raise Refused(Reason.TYPE)
    if len(bits) < SHORTEST[message_type]:
        raise Refused(Reason.PAYLOAD)
    try:
        decoded: Any = MSG_CLASS[message_type].from_vector(bits)
    except (AISBaseException, ValueError, TypeError) as error:
        raise Refused(Reason.PAYLOAD) from error
    if not is_vessel(decoded.mmsi):
        raise Refused(Reason.MMSI)
    if message_type == 5:
        return None, _voyage_description(decoded, message)
    if message_type == 24:
        return None, _part_description(decoded, message, len(bits))
    if message_type == 19:
        return _report(decoded, message), _extended_description(decoded, message)
    return _report(decoded, message), None


def is_vessel(mmsi: int) -> bool:
    """Say whether an MMSI is a ship's (MID 2 to 7) or a craft's that belongs to one (98, then the MID).

    Coast stations, aircraft, aids to navigation and distress beacons have others (ITU-R M.585).
    """
    return 200_000_000 <= mmsi <= 799_999_999 or 982_000_000 <= mmsi <= 987_999_999


def is_imo_number(number: int) -> bool:
    """Say whether `number` has seven digits of which the last checks the others."""
    digits = [int(digit) for digit in str(number)]
    return (
        len(digits) == 7
        and sum(d * w for d, w in zip(digits, range(7, 1, -1), strict=False)) % 10 == digits[6]
    )


def rolled_forward(*, month: int, day: int, hour: int, minute: int, at: datetime) -> datetime | None:
    """Return the first such moment that is not before `at`: an ETA is sent without its year.

    An hour or minute that is not given counts as its last, so that an arrival "today" is not next year's.
    None when the day is not given or does not exist.
    """
    hour = 23 if hour >= NO_HOUR else hour
    minute = 59 if minute >= NO_MINUTE else minute
    for year in range(at.year, at.year + 9):  # 29 February is at most eight years away
        try:
            eta = datetime(year, month, day, hour, minute, tzinfo=UTC)
        except ValueError:
            continue
        if eta >= at.replace(second=0, microsecond=0):
            return eta
    return None


def _report(decoded: Any, message: Message) -> Report:
    latitude, longitude, sog, cog = decoded.lat, decoded.lon, decoded.speed, decoded.course
    if latitude == NO_LATITUDE or longitude == NO_LONGITUDE:
        raise Refused(Reason.NO_POSITION)
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Refused(Reason.POSITION_RANGE)
    message_type = decoded.msg_type
    long_range = message_type == 27
    heading = None if long_range else decoded.heading
    return Report(
        decoded.mmsi,
        message.at,
        latitude,
        longitude,
        None if sog >= (NO_SPEED_LONG_RANGE if long_range else NO_SPEED) else sog,
        None if cog >= NO_COURSE else cog,
        None if heading is None or heading >= 360 else heading,
        None if message_type in (18, 19) else int(decoded.status),
        message_type,
        message.sentences,
    )


def _voyage_description(decoded: Any, message: Message) -> Description:
    eta = rolled_forward(
        month=decoded.month,
        day=decoded.day,
        hour=decoded.hour,
        minute=decoded.minute,
        at=datetime.fromtimestamp(message.at / 1000, tz=UTC),
    )
    return Description(
        decoded.mmsi,
        message.at,
        message.sentences,
        name={"name": _text(decoded.shipname)},
        details={
            "imo": decoded.imo if is_imo_number(decoded.imo) else None,
            "call_sign": _text(decoded.callsign),
            "ship_type": int(decoded.ship_type) or None,
            **_dimensions(decoded),
        },
        voyage={"destination": _text(decoded.destination), "eta": eta, "draught": decoded.draught or None},
    )


def _part_description(decoded: Any, message: Message, bits: int) -> Description:
    if decoded.partno == 0:
        name = {"name": _text(decoded.shipname)}
        return Description(decoded.mmsi, message.at, message.sentences, name=name)
    if bits < SHORTEST_PART_B:
        raise Refused(Reason.PAYLOAD)
    details = {"call_sign": _text(decoded.callsign), "ship_type": int(decoded.ship_type) or None}
    # A craft that belongs to a ship sends its mother's MMSI where others send their dimensions.
    if hasattr(decoded, "to_bow"):
        details |= _dimensions(decoded)
    return Description(decoded.mmsi, message.at, message.sentences, details=details)


def _extended_description(decoded: Any, message: Message) -> Description:
    details = {"ship_type": int(decoded.ship_type) or None, **_dimensions(decoded)}
    name = {"name": _text(decoded.shipname)}
    # Its sentences are counted with the report that came in the same message.
    return Description(decoded.mmsi, message.at, 0, name=name, details=details)


def _dimensions(decoded: Any) -> dict[str, int | None]:
    sides = ("to_bow", "to_stern", "to_port", "to_starboard")
    metres = {side: getattr(decoded, side) for side in sides}
    return metres if any(metres.values()) else dict.fromkeys(sides)


def _text(value: str) -> str:
    return value.split("@", 1)[0].strip()  # @ ends a text; what follows is left over from an earlier one
