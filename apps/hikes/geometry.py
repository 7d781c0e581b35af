"""Distances and shapes on the ground."""

from collections.abc import Sequence
from itertools import pairwise
from math import asin, cos, hypot, radians, sin, sqrt
from typing import Final, NamedTuple

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius R1 of the Earth (IUGG 1980)."""


class Point(NamedTuple):
    """A place on a track: degrees east, degrees north, metres above sea level."""

    lon: float
    lat: float
    ele: float


def distance_m(a: Point, b: Point) -> float:
    """Return the great-circle distance between two points in metres, heights left aside.

    Haversine formula: R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68 (1984).
    """
    north = sin(radians(b.lat - a.lat) / 2) ** 2
    east = cos(radians(a.lat)) * cos(radians(b.lat)) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2000 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(north + east)))


def along_m(points: Sequence[Point]) -> list[float]:
    """Return each point's distance from the start along the track, in metres."""
    distances = [0.0]
    for a, b in pairwise(points):
        distances.append(distances[-1] + distance_m(a, b))
    return distances[: len(points)]


def offset_m(point: Point, start: Point, end: Point) -> float:
    """Return how far `point` lies from the segment between `start` and `end`, in metres.

    Measured on the plane that touches the Earth at `start`: good to a metre over the length of a walk.
    """
    px, py = _plane(point, start)
    ex, ey = _plane(end, start)
    length_squared = ex * ex + ey * ey
    share = 0.0 if length_squared == 0 else max(0.0, min(1.0, (px * ex + py * ey) / length_squared))
    return hypot(px - share * ex, py - share * ey)


def simplified(points: Sequence[Point], *, tolerance_m: float) -> list[Point]:
    """Return the points that keep a track's shape to within `tolerance_m`; both ends always stay.

    D. Douglas, T. Peucker, "Algorithms for the reduction of the number of points required to represent
    a digitized line", Cartographica 10 (1973). With a stack, because a long track would exhaust recursion.
    """
    if len(points) < 3:
        return list(points)
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        farthest, offset = _farthest(points, first, last)
        if offset > tolerance_m:
            kept.add(farthest)
            spans += [(first, farthest), (farthest, last)]
    return [points[index] for index in sorted(kept)]


def _farthest(points: Sequence[Point], first: int, last: int) -> tuple[int, float]:
    best, best_offset = first, 0.0
    for index in range(first + 1, last):
        offset = offset_m(points[index], points[first], points[last])
        if offset > best_offset:
            best, best_offset = index, offset
    return best, best_offset


def _plane(point: Point, origin: Point) -> tuple[float, float]:
    metres_per_degree = radians(1) * EARTH_RADIUS_KM * 1000
    east = (point.lon - origin.lon + 180) % 360 - 180  # the short way round, also over the date line
    return (
        east * metres_per_degree * cos(radians(origin.lat)),
        (point.lat - origin.lat) * metres_per_degree,
    )
