"""Writes the sample, `ships.nmea`: synthetic traffic around the British Isles, encoded by pyais.

    python -m apps.ships.sample.generate

No vessel in it exists. Routes are great-circle legs between waypoints at sea, which is what a passage plan looks
like from afar; a vessel starts somewhere along its route and turns round at the ends. MMSIs have a real country
code (MID) and a made-up rest, IMO numbers a valid check digit. The seed is fixed: the same file comes out.

The file holds types 1 (class A), 5 (two sentences each), 18 (class B) and 24 in both parts, each behind a TAG
block with its time, and some sentences that broke on the air.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, atan2, cos, degrees, radians, sin, sqrt
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from pyais import encode_dict

from apps.ships.sentences import tagged

SAMPLE: Final = Path(__file__).with_name("ships.nmea")
SEED: Final = 1805
START_MS: Final = 1_767_225_600_000  # 2026-01-01; loading moves it to now
HOURS: Final = 26
STEP_S: Final = 600  # a real vessel reports every few seconds; this keeps the file small
STATIC_EVERY: Final = 18  # steps
BROKEN: Final = 0.004  # of all sentences
KNOT: Final = 1852 / 3600  # metres a second
EARTH_M: Final = 6_371_000.0

Place = tuple[float, float]
"""Latitude and longitude in degrees."""

# Waypoints at sea, latitude and longitude; the legs between them keep clear of headlands.
WAYPOINTS: Final[dict[str, Place]] = {
    "ushant": (48.80, -5.80),
    "scilly": (49.80, -7.00),
    "lizard": (49.75, -5.20),
    "wight": (50.45, -1.20),
    "greenwich": (50.41, 0.00),
    "varne": (50.88, 1.25),
    "dover": (51.02, 1.45),
    "sandettie": (51.24, 1.95),
    "sunk": (51.85, 1.80),
    "maas": (52.02, 3.55),
    "texel": (53.05, 4.35),
    "terschelling": (53.65, 4.90),
    "elbe": (54.05, 7.60),
    "tuskar": (52.15, -6.00),
    "bardsey": (52.70, -5.10),
    "skerries": (53.50, -4.75),
    "mersey": (53.52, -3.55),
    "dublin": (53.33, -5.95),
    "calf": (53.95, -5.05),
    "north-channel": (54.80, -5.45),
    "torr": (55.25, -5.93),
    "rathlin": (55.45, -6.35),
    "islay": (55.55, -7.00),
    "skerryvore": (56.20, -7.40),
    "barra-head": (56.65, -7.60),
    "hebrides": (57.10, -7.00),
    "little-minch": (57.40, -6.95),
    "shiants": (57.80, -6.45),
    "minch": (58.05, -5.95),
    "cape-wrath": (58.75, -5.10),
    "pentland": (58.715, -3.08),
    "duncansby": (58.66, -2.90),
    "peterhead": (57.50, -1.40),
    "forth": (56.10, -2.40),
    "farne": (55.65, -1.40),
    "tyne": (55.02, -1.20),
    "flamborough": (54.25, 0.20),
    "humber": (53.60, 0.55),
    "smiths-knoll": (52.85, 2.20),
    "forties": (57.60, 0.90),
}

# From end to end and back again.
ROUTES: Final[tuple[tuple[str, ...], ...]] = (
    ("ushant", "wight", "greenwich", "varne", "dover", "sandettie", "maas", "texel", "terschelling", "elbe"),
    ("scilly", "tuskar", "bardsey", "skerries", "mersey"),
    ("lizard", "wight", "greenwich", "varne", "dover", "sandettie", "sunk"),
    ("dublin", "skerries"),
    ("mersey", "calf", "north-channel", "torr", "rathlin", "islay", "skerryvore", "barra-head"),
    (
        "barra-head",
        "hebrides",
        "little-minch",
        "shiants",
        "minch",
        "cape-wrath",
        "pentland",
        "duncansby",
        "peterhead",
    ),
    ("peterhead", "forth", "farne", "tyne", "flamborough", "humber", "smiths-knoll", "maas"),
    ("forties", "peterhead"),
    ("tyne", "elbe"),
    ("humber", "texel"),
    ("duncansby", "forties"),
)

NAMES: Final = (
    *("ARCTIC TERN", "BLACK GUILLEMOT", "CORMORANT", "DUNLIN", "EIDER", "FULMAR", "GANNET", "HERRING GULL"),
    *("IVORY GULL", "JACK SNIPE", "KITTIWAKE", "LITTLE AUK", "MERGANSER", "NIGHT HERON", "OYSTERCATCHER"),
    *("PUFFIN", "RAZORBILL", "SANDERLING", "TURNSTONE", "VELVET SCOTER", "WHIMBREL", "YELLOWSHANK"),
    *("GREAT SKUA", "STORM PETREL", "SHEARWATER", "LONGTAIL"),
)
MIDS: Final = (232, 235, 244, 250, 219, 257, 211)
TYPES: Final = (70, 80, 60, 52, 30, 70, 80, 31)  # cargo, tanker, passenger, tug, fishing, towing
DESTINATIONS: Final = ("ROTTERDAM", "LIVERPOOL", "DUBLIN", "ABERDEEN", "HAMBURG", "TYNE", "SOUTHAMPTON")


@dataclass(slots=True)
class Boat:
    """A synthetic vessel somewhere on its route."""

    mmsi: int
    name: str
    class_b: bool
    knots: float
    route: Sequence[Place]
    along_m: float  # from the route's first waypoint, there and back
    moored_from: int  # steps; it lies still until moored_to
    moored_to: int

    def moves(self, step: int) -> bool:
        return not self.moored_from <= step < self.moored_to


def fleet(rng: random.Random) -> list[Boat]:
    """Return the vessels of the sample."""
    boats = []
    for index, name in enumerate(NAMES):
        class_b = index % 4 == 3
        route = [WAYPOINTS[waypoint] for waypoint in ROUTES[index % len(ROUTES)]]
        moored = rng.randrange(20, 100) if index % 3 == 0 else 0
        boats.append(
            Boat(
                mmsi=rng.choice(MIDS) * 1_000_000 + 999_000 + index,
                name=name,
                class_b=class_b,
                knots=round(rng.uniform(5, 8) if class_b else rng.uniform(9, 19), 1),
                route=route,
                along_m=rng.uniform(0, 2 * length_m(route)),
                moored_from=moored,
                moored_to=moored + 24 if moored else 0,
            )
        )
    return boats


def sample(*, seed: int = SEED) -> Iterator[str]:
    """Yield the sentences of the sample, in the order in which a receiver heard them."""
    rng = random.Random(seed)  # noqa: S311  nobody is to be surprised by it
    boats = fleet(rng)
    for step in range(HOURS * 3600 // STEP_S):
        heard: list[tuple[int, dict[str, Any]]] = []
        for index, boat in enumerate(boats):
            at = START_MS + (step * STEP_S + index * 20 + rng.randrange(15)) * 1000
            heard += [
                (at + later, report(boat, moving=boat.moves(step), rng=rng)) for later in _reports(boat, step)
            ]
            if (step + index) % STATIC_EVERY == 0:
                heard += [(at, description) for description in descriptions(boat, index=index)]
            if boat.moves(step):
                boat.along_m += boat.knots * KNOT * STEP_S
        for sequence, (at, fields) in enumerate(sorted(heard, key=itemgetter(0))):
            for sentence in encoded(fields, sequence=sequence % 10):
                yield tagged(
                    broken(sentence, rng) if rng.random() < BROKEN else sentence, at=at, source="sample"
                )


def _reports(boat: Boat, step: int) -> tuple[int, ...]:
    """Return when within a step a vessel reports, in milliseconds: every three minutes when it lies still."""
    return (0,) if boat.moves(step) else (0, 180_000, 360_000)


def report(boat: Boat, *, moving: bool, rng: random.Random) -> dict[str, Any]:
    """Return the fields of a position report, type 1 or 18."""
    (latitude, longitude), course = place_at(boat.route, boat.along_m)
    wobble = 0.002 if moving else 0.0001  # degrees
    fields: dict[str, Any] = {
        "type": 18 if boat.class_b else 1,
        "mmsi": boat.mmsi,
        "lat": latitude + rng.gauss(0, wobble),
        "lon": longitude + rng.gauss(0, wobble),
        "speed": max(0.0, boat.knots + rng.gauss(0, 0.4)) if moving else 0.1,
        "course": course,
        "heading": 511 if boat.class_b else int(course),
        "second": rng.randrange(60),
    }
    return fields if boat.class_b else fields | {"status": 0 if moving else 1, "turn": 0}


def descriptions(boat: Boat, *, index: int) -> list[dict[str, Any]]:
    """Return the fields of what a vessel says about itself: type 5, or 24 in both parts."""
    identity = {
        "mmsi": boat.mmsi,
        "callsign": f"X{boat.mmsi % 100_000:05}",
        "ship_type": 36 if boat.class_b else TYPES[index % len(TYPES)],
        "to_bow": 6 if boat.class_b else 60 + 7 * index,
        "to_stern": 5 if boat.class_b else 20 + index,
        "to_port": 2 if boat.class_b else 8 + index % 9,
        "to_starboard": 2 if boat.class_b else 8 + index % 7,
    }
    if boat.class_b:
        named = {"type": 24, "partno": 0, "mmsi": boat.mmsi, "shipname": boat.name}
        return [named, {"type": 24, "partno": 1, **identity}]
    voyage = {
        "imo": imo_number(910_000 + index),
        "shipname": boat.name,
        "destination": DESTINATIONS[index % len(DESTINATIONS)],
        "month": 1,
        "day": 3 + index % 5,
        "hour": index % 24,
        "minute": 30,
        "draught": round(4 + index / 5, 1),
    }
    return [{"type": 5, **identity, **voyage}]


def encoded(fields: dict[str, Any], *, sequence: int) -> list[str]:
    """Return a message's sentences as another vessel would hear them."""
    return list(encode_dict(fields, sentence_type="VDM", radio_channel="AB"[sequence % 2], seq_id=sequence))


def broken(sentence: str, rng: random.Random) -> str:
    """Return a sentence with one character of its payload changed, its checksum as it was."""
    position = rng.randrange(16, len(sentence) - 6)
    other = "0" if sentence[position] != "0" else "1"
    return sentence[:position] + other + sentence[position + 1 :]


def imo_number(stem: int) -> int:
    """Return six digits followed by their check digit."""
    weights = zip(f"{stem:06}", range(7, 1, -1), strict=True)
    return stem * 10 + sum(int(digit) * weight for digit, weight in weights) % 10


def length_m(route: Sequence[Place]) -> float:
    """Return a route's length in metres."""
    return sum(distance_m(one, other) for one, other in pairwise(route))


def place_at(route: Sequence[Place], along_m: float) -> tuple[Place, float]:
    """Return the place and course after `along_m` metres on a route that is sailed to and fro."""
    length = length_m(route)
    along_m %= 2 * length
    if along_m > length:
        route, along_m = route[::-1], along_m - length
    for one, other in pairwise(route):
        leg = distance_m(one, other)
        if along_m <= leg:
            place = between(one, other, along_m / leg)
            return place, bearing(place, other) if along_m < leg else bearing(one, other)
        along_m -= leg
    return route[-1], bearing(route[-2], route[-1])


def distance_m(one: Place, other: Place) -> float:
    """Return the great-circle distance in metres, by the haversine formula."""
    (lat1, lon1), (lat2, lon2) = (map(radians, place) for place in (one, other))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * asin(sqrt(h))


def between(one: Place, other: Place, share: float) -> Place:
    """Return the place that is `share` (0 to 1) along the great circle. Source: Williams, Aviation Formulary."""
    (lat1, lon1), (lat2, lon2) = (map(radians, place) for place in (one, other))
    angle = distance_m(one, other) / EARTH_M
    a, b = sin((1 - share) * angle) / sin(angle), sin(share * angle) / sin(angle)
    x = a * cos(lat1) * cos(lon1) + b * cos(lat2) * cos(lon2)
    y = a * cos(lat1) * sin(lon1) + b * cos(lat2) * sin(lon2)
    z = a * sin(lat1) + b * sin(lat2)
    return degrees(atan2(z, sqrt(x * x + y * y))), degrees(atan2(y, x))


def bearing(one: Place, other: Place) -> float:
    """Return the initial great-circle course in degrees from true north, with one decimal."""
    (lat1, lon1), (lat2, lon2) = (map(radians, place) for place in (one, other))
    east = sin(lon2 - lon1) * cos(lat2)
    north = cos(lat1) * sin(lat2) - sin(lat1) * cos(lat2) * cos(lon2 - lon1)
    return round(degrees(atan2(east, north)) % 360, 1) % 360


if __name__ == "__main__":
    SAMPLE.write_text("\n".join(sample()) + "\n", encoding="ascii")
