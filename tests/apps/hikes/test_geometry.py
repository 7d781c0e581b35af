"""Distances against the haversine library and known values; simplification by its promises."""

from itertools import pairwise

import haversine
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.hikes.geometry import Point, along_m, distance_m, offset_m, simplified

places = st.builds(
    Point,
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
    ele=st.floats(-100, 5000),
)
# Walk-sized: within a few kilometres of one place, also at the date line.
tracks = st.tuples(
    st.sampled_from([-3.2, 179.99, -180.0, 0.0]),
    st.floats(-70, 70),
    st.lists(st.tuples(st.floats(-0.03, 0.03), st.floats(-0.03, 0.03)), min_size=2, max_size=60),
).map(lambda t: [Point((t[0] + lon + 180) % 360 - 180, t[1] + lat, 0.0) for lon, lat in t[2]])


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        (Point(0, 0, 0), Point(0, 1, 0), 111_195),  # one degree of a meridian, R pi / 180
        (Point(-0.1278, 51.5074, 0), Point(2.3522, 48.8566, 0), 343_560),  # London to Paris
        (Point(179.5, 0, 0), Point(-179.5, 0, 0), 111_195),  # over the date line
        (Point(0, 0, 0), Point(180, 0, 0), 20_015_115),  # half way round
    ],
)
def test_distance_has_known_values(a: Point, b: Point, metres: float) -> None:
    assert distance_m(a, b) == pytest.approx(metres, rel=1e-4)


@given(places, places)
def test_distance_agrees_with_the_haversine_library(a: Point, b: Point) -> None:
    expected = haversine.haversine((a.lat, a.lon), (b.lat, b.lon), unit="m")
    assert distance_m(a, b) == pytest.approx(expected, rel=1e-9, abs=1e-3)


def test_along_grows_from_nought_by_each_step() -> None:
    points = [Point(0, 0, 0), Point(0, 1, 0), Point(0, 1, 50), Point(0, 3, 0)]
    assert along_m(points) == pytest.approx([0, 111_195, 111_195, 333_585], rel=1e-4)
    assert along_m([]) == []


def test_offset_is_measured_to_the_segment_not_to_the_line_beyond_it() -> None:
    start, end = Point(0, 0, 0), Point(1, 0, 0)
    assert offset_m(Point(0.5, 0.01, 0), start, end) == pytest.approx(1112, rel=1e-3)
    assert offset_m(Point(2, 0, 0), start, end) == pytest.approx(111_195, rel=1e-3)
    assert offset_m(Point(0, 1, 0), start, start) == pytest.approx(111_195, rel=1e-3)


def test_simplification_drops_what_lies_on_the_way_and_keeps_the_corner() -> None:
    straight = [Point(0, lat / 1000, 0) for lat in range(50)]
    corner = [*straight, *(Point(lon / 1000, 0.049, 0) for lon in range(1, 50))]
    assert simplified(straight, tolerance_m=1) == [straight[0], straight[-1]]
    assert simplified(corner, tolerance_m=1) == [corner[0], Point(0, 0.049, 0), corner[-1]]


@given(tracks, st.floats(0, 500))
def test_simplification_keeps_both_ends_and_every_point_within_tolerance(
    track: list[Point], tolerance_m: float
) -> None:
    indices = list(range(len(track)))
    numbered = [point._replace(ele=float(index)) for point, index in zip(track, indices, strict=True)]
    kept = simplified(numbered, tolerance_m=tolerance_m)
    assert (kept[0], kept[-1]) == (numbered[0], numbered[-1])
    assert [point.ele for point in kept] == sorted({point.ele for point in kept})
    for start, end in pairwise(kept):
        for dropped in numbered[int(start.ele) + 1 : int(end.ele)]:
            assert offset_m(dropped, start, end) <= tolerance_m


def test_a_long_track_does_not_exhaust_recursion() -> None:
    zigzag = [Point(index / 1e5, (index % 2) * (index + 1) / 1e6, 0) for index in range(1500)]
    assert len(simplified(zigzag, tolerance_m=0)) == len(zigzag)
