"""Draw the sample walks: `python -m apps.hikes.sample.draw` writes one GPX file for each.

The summits and starting points are real, to within a few hundred metres. The lines between them are synthetic:
they wind like a path, but nobody walked them. The same input gives the same bytes.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, cos, pi, radians, sin
from pathlib import Path
from typing import Final, NamedTuple

from apps.hikes.geometry import Point, along_m
from apps.hikes.gpx import write_gpx

FOLDER: Final = Path(__file__).parent
STEP_M: Final = 110.0
METRES_PER_DEGREE: Final = 111_195.0
NOTICE: Final = "Sample data: a synthetic line between real summits, not a path to follow."


class Place(NamedTuple):
    """A named point of a walk."""

    name: str
    lat: float
    lon: float
    ele: float


class Walk(NamedTuple):
    """A walk to draw; a round trip comes back another way, the others end at the last place."""

    slug: str
    name: str
    region: str
    places: tuple[Place, ...]
    round_trip: bool = True


WALKS: Final = (
    Walk("scafell-pike", "Scafell Pike from Wasdale Head", "Lake District", (
        Place("Wasdale Head", 54.4660, -3.2560, 80), Place("Lingmell", 54.4612, -3.2247, 807),
        Place("Scafell Pike", 54.4542, -3.2116, 978))),
    Walk("helvellyn", "Helvellyn and Catstye Cam from Glenridding", "Lake District", (
        Place("Glenridding", 54.5439, -2.9498, 150), Place("Helvellyn", 54.5270, -3.0165, 950),
        Place("Catstye Cam", 54.5333, -3.0083, 890))),
    Walk("skiddaw", "Skiddaw from Keswick", "Lake District", (
        Place("Keswick", 54.6050, -3.1290, 90), Place("Skiddaw", 54.6515, -3.1474, 931))),
    Walk("blencathra", "Blencathra from Threlkeld", "Lake District", (
        Place("Threlkeld", 54.6196, -3.0546, 150), Place("Blencathra", 54.6400, -3.0506, 868))),
    Walk("great-gable", "Great Gable from Seathwaite", "Lake District", (
        Place("Seathwaite", 54.4985, -3.1840, 130), Place("Green Gable", 54.4846, -3.2147, 801),
        Place("Great Gable", 54.4819, -3.2192, 899))),
    Walk("catbells", "Catbells from Hawes End", "Lake District", (
        Place("Hawes End", 54.5790, -3.1640, 120), Place("Catbells", 54.5680, -3.1705, 451))),
    Walk("yr-wyddfa", "Yr Wyddfa from Pen-y-Pass", "Eryri", (
        Place("Pen-y-Pass", 53.0805, -4.0214, 359), Place("Yr Wyddfa", 53.0685, -4.0763, 1085))),
    Walk("tryfan", "Tryfan from Ogwen", "Eryri", (
        Place("Llyn Ogwen", 53.1236, -4.0010, 310), Place("Tryfan", 53.1147, -3.9975, 918))),
    Walk("cadair-idris", "Cadair Idris from Minffordd", "Eryri", (
        Place("Minffordd", 52.6875, -3.8780, 90), Place("Penygadair", 52.6995, -3.9088, 893))),
    Walk("pen-y-fan", "Pen y Fan and Corn Du from Pont ar Daf", "Bannau Brycheiniog", (
        Place("Pont ar Daf", 51.8676, -3.4710, 440), Place("Corn Du", 51.8817, -3.4423, 873),
        Place("Pen y Fan", 51.8840, -3.4364, 886))),
    Walk("ben-nevis", "Ben Nevis from Glen Nevis", "Highlands", (
        Place("Glen Nevis", 56.8107, -5.0770, 20), Place("Ben Nevis", 56.7969, -5.0036, 1345))),
    Walk("ben-lomond", "Ben Lomond from Rowardennan", "Highlands", (
        Place("Rowardennan", 56.1526, -4.6424, 15), Place("Ben Lomond", 56.1903, -4.6330, 974))),
    Walk("schiehallion", "Schiehallion from Braes of Foss", "Highlands", (
        Place("Braes of Foss", 56.6688, -4.0389, 330), Place("Schiehallion", 56.6668, -4.1010, 1083))),
    Walk("ben-lawers", "Ben Lawers over Beinn Ghlas", "Highlands", (
        Place("Ben Lawers car park", 56.5125, -4.2620, 430), Place("Beinn Ghlas", 56.5357, -4.2379, 1103),
        Place("Ben Lawers", 56.5450, -4.2210, 1214))),
    Walk("buachaille-etive-mor", "Buachaille Etive Mor from Altnafeadh", "Highlands", (
        Place("Altnafeadh", 56.6596, -4.9090, 290), Place("Stob Dearg", 56.6459, -4.9014, 1021))),
    Walk("ben-macdui", "Ben Macdui over Cairn Gorm", "Cairngorms", (
        Place("Coire Cas", 57.1340, -3.6710, 630), Place("Cairn Gorm", 57.1167, -3.6437, 1245),
        Place("Ben Macdui", 57.0704, -3.6691, 1309))),
    Walk("arthurs-seat", "Arthur's Seat from Holyrood", "Edinburgh", (
        Place("Holyrood", 55.9516, -3.1720, 40), Place("Arthur's Seat", 55.9441, -3.1618, 251))),
    Walk("goatfell", "Goatfell from Brodick", "Arran", (
        Place("Brodick", 55.5953, -5.1520, 5), Place("Goatfell", 55.6258, -5.1920, 874))),
    Walk("the-cheviot", "The Cheviot from Harthope Valley", "Northumberland", (
        Place("Langleeford", 55.4960, -2.0900, 250), Place("The Cheviot", 55.4783, -2.1455, 815))),
    Walk("pen-y-ghent", "Pen-y-ghent from Horton", "Yorkshire Dales", (
        Place("Horton in Ribblesdale", 54.1490, -2.2950, 230), Place("Pen-y-ghent", 54.1557, -2.2487, 694))),
    Walk("three-peaks", "The Yorkshire Three Peaks", "Yorkshire Dales", (
        Place("Horton in Ribblesdale", 54.1490, -2.2950, 230), Place("Pen-y-ghent", 54.1557, -2.2487, 694),
        Place("Ribblehead", 54.2058, -2.3610, 300), Place("Whernside", 54.2277, -2.4033, 736),
        Place("Ingleborough", 54.1657, -2.3977, 723))),
    Walk("ingleborough", "Ingleborough from Clapham", "Yorkshire Dales", (
        Place("Clapham", 54.1180, -2.3920, 160), Place("Ingleborough", 54.1657, -2.3977, 723))),
    Walk("kinder-scout", "Kinder Scout from Edale", "Peak District", (
        Place("Edale", 53.3640, -1.8160, 250), Place("Kinder Scout", 53.3846, -1.8732, 636))),
    Walk("great-ridge", "The Great Ridge: Mam Tor to Lose Hill", "Peak District", (
        Place("Mam Nick", 53.3475, -1.8160, 430), Place("Mam Tor", 53.3491, -1.8096, 517),
        Place("Back Tor", 53.3610, -1.7850, 429), Place("Lose Hill", 53.3670, -1.7720, 476),
        Place("Hope", 53.3480, -1.7420, 170)), round_trip=False),
    Walk("yes-tor", "Yes Tor and High Willhays from Meldon", "Dartmoor", (
        Place("Meldon", 50.7080, -4.0360, 240), Place("Yes Tor", 50.6930, -4.0103, 619),
        Place("High Willhays", 50.6852, -4.0110, 621))),
    Walk("slieve-donard", "Slieve Donard from Newcastle", "Mournes", (
        Place("Newcastle", 54.2050, -5.8920, 10), Place("Slieve Donard", 54.1802, -5.9206, 850))),
    Walk("carrauntoohil", "Carrauntoohil from Cronin's Yard", "Kerry", (
        Place("Cronin's Yard", 52.0270, -9.6960, 140), Place("Carrauntoohil", 51.9990, -9.7432, 1039))),
    Walk("croagh-patrick", "Croagh Patrick from Murrisk", "Mayo", (
        Place("Murrisk", 53.7780, -9.6390, 20), Place("Croagh Patrick", 53.7595, -9.6584, 764))),
)  # fmt: skip


def draw(walk: Walk) -> bytes:
    """Return the walk's GPX file."""
    way = [*walk.places, walk.places[0]] if walk.round_trip else list(walk.places)
    points = [Point(way[0].lon, way[0].lat, way[0].ele)]
    for index, (start, end) in enumerate(pairwise(way)):
        points += _line(start, end, bend=1 if index % 2 else -1)
    return write_gpx(name=walk.name, description=_description(walk), points=points, keywords=walk.region)


def main() -> None:
    """Write every file anew."""
    for walk in WALKS:
        (FOLDER / f"{walk.slug}.gpx").write_bytes(draw(walk))


def _description(walk: Walk) -> str:
    names = [place.name for place in walk.places]
    back = ", and back another way" if walk.round_trip else ""
    return f"{names[0]} to {', '.join(names[1:])}{back}. {NOTICE}"


def _line(start: Place, end: Place, *, bend: int) -> Iterator[Point]:
    """Yield the points after `start`: a bow to one side, with bends whose size follows from the length."""
    ends = (Point(start.lon, start.lat, 0), Point(end.lon, end.lat, 0))
    length = along_m(ends)[-1]
    steps = max(8, ceil(length * 1.25 / STEP_M))
    metres_east = METRES_PER_DEGREE * cos(radians(start.lat))
    east, north = (
        (end.lon - start.lon) * metres_east / length,
        (end.lat - start.lat) * METRES_PER_DEGREE / length,
    )
    for step in range(1, steps + 1):
        share = step / steps
        aside = bend * length * _aside(share, bends=max(2, round(length / 900)))
        yield Point(
            start.lon + (end.lon - start.lon) * share - aside * north / metres_east,
            start.lat + (end.lat - start.lat) * share + aside * east / METRES_PER_DEGREE,
            start.ele + (end.ele - start.ele) * _rise(share) + 6 * sin(7 * pi * share) * (1 - share) * share,
        )


def _aside(share: float, *, bends: int) -> float:
    return 0.10 * sin(pi * share) + 0.20 / bends * sin(2 * pi * bends * share) * sin(pi * share)


def _rise(share: float) -> float:
    # Valleys and summits are flatter than the slope between them.
    return 0.35 * (1 - cos(pi * share)) / 2 + 0.65 * share


if __name__ == "__main__":
    main()
