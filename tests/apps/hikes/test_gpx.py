"""GPX files that are walks, that are nearly walks, and that are attacks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.hikes import gpx
from apps.hikes.errors import GpxError
from apps.hikes.geometry import Point
from apps.hikes.gpx import ascent_and_descent, read_gpx, smoothed, write_gpx

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
XMLNS = 'xmlns="http://www.topografix.com/GPX/1/1"'
POINTS = (
    '<trkpt lat="54.0" lon="-3.0"><ele>100</ele></trkpt><trkpt lat="54.01" lon="-3.0"><ele>150</ele></trkpt>'
)


def document(
    points: str = POINTS, *, before: str = "", root: str = f"gpx {XMLNS}", inside: str = ""
) -> bytes:
    end = root.split()[0]
    return (
        f'{HEAD}{before}<{root} version="1.1" creator="test">{inside}<trk><name>There</name><trkseg>{points}'
        f"</trkseg></trk></{end}>"
    ).encode()


def test_a_track_is_read_with_names_and_heights() -> None:
    metadata = (
        "<metadata><name> Up\n the hill </name><desc>Nice</desc><keywords>Dales, easy</keywords></metadata>"
    )
    track = read_gpx(document(inside=metadata))
    assert (track.name, track.description, track.region) == ("Up the hill", "Nice", "Dales")
    assert track.points == (Point(-3.0, 54.0, 100.0), Point(-3.0, 54.01, 150.0))
    assert track.distance_km == pytest.approx(1.11195, rel=1e-4)


def test_the_track_names_the_walk_when_the_file_does_not() -> None:
    assert read_gpx(document()).name == "There"


def test_version_1_0_and_a_byte_order_mark_are_fine() -> None:
    old = document(root='gpx xmlns="http://www.topografix.com/GPX/1/0"').replace(b'"1.1"', b'"1.0"')
    assert len(read_gpx(b"\xef\xbb\xbf" + old).points) == 2


def test_a_route_stands_in_for_a_missing_track() -> None:
    text = document().decode().replace("trkpt", "rtept").replace("<trkseg>", "").replace("</trkseg>", "")
    assert len(read_gpx(text.replace("trk>", "rte>").encode()).points) == 2


def test_repeated_places_count_once_and_missing_heights_come_from_the_neighbours() -> None:
    points = (
        '<trkpt lat="54.00" lon="-3"><ele>100</ele></trkpt><trkpt lat="54.00" lon="-3"><ele>100</ele></trkpt>'
        '<trkpt lat="54.01" lon="-3"/><trkpt lat="54.02" lon="-3"/><trkpt lat="54.03" lon="-3"><ele>160</ele></trkpt>'
    )
    assert [point.ele for point in read_gpx(document(points)).points] == pytest.approx([100, 120, 140, 160])


ENTITIES = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {name} "{f"&{of};" * 10}">' for of, name in zip("abcdefgh", "bcdefghi", strict=True)
)
ATTACKS = {
    "a bare DTD": (document(before="<!DOCTYPE gpx>"), "DTD"),
    "an external DTD": (document(before='<!DOCTYPE gpx SYSTEM "http://127.0.0.1:1/x.dtd">'), "DTD"),
    "an entity bomb": (document(before=ENTITIES + "]>", inside="<name>&i;</name>"), "DTD"),
    "an external entity": (
        document(
            before='<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/hostname">]>', inside="<name>&x;</name>"
        ),
        "DTD",
    ),
    "an undeclared entity": (document(inside="<name>&x;</name>"), "not XML"),
    "UTF-16, to hide a DTD": (document(before="<!DOCTYPE gpx>").decode().encode("utf-16"), "not UTF-8"),
    "UTF-7, to hide a DTD": (
        HEAD.replace("UTF-8", "UTF-7").encode() + b"+ADw-!DOCTYPE gpx+AD4-" + document()[len(HEAD) :],
        "not XML",
    ),
    "too many bytes": (document() + b" " * gpx.MAX_GPX_BYTES, "at most 5242880"),
    "too many points": (
        document('<trkpt lat="1" lon="1"/>' * (gpx.MAX_POINTS + 1)),
        "more than 50000 points",
    ),
    "deep nesting": (document(inside="<extensions>" + "<a>" * 60 + "</a>" * 60 + "</extensions>"), "deep"),
    "nothing": (b" \n", "empty"),
    "no XML": (b"\x00\x01\x02", "not XML"),
    "another format": (b'<kml xmlns="http://www.opengis.net/kml/2.2"/>', "kml"),
    "no namespace": (document(root="gpx"), "expected gpx of"),
    "another namespace": (document(root='gpx xmlns="http://example.com/GPX/1/1"'), "example.com"),
    "a namespace in a comment": (document(root="gpx", before=f"<!-- <gpx {XMLNS}> -->"), "expected gpx of"),
    "no track": (f"<gpx {XMLNS} version='1.1'/>".encode(), "no track or route"),
    "an empty track": (document(""), "no track or route"),
    "one point": (document('<trkpt lat="1" lon="1"><ele>1</ele></trkpt>'), "fewer than two"),
    "one place": (document('<trkpt lat="1" lon="1"><ele>1</ele></trkpt>' * 3), "fewer than two"),
    "no heights": (
        document('<trkpt lat="1" lon="1"/><trkpt lat="1" lon="2"/>'),
        "2 of 2 points have no elevation",
    ),
    "off the Earth": (document(POINTS.replace("54.01", "91")), "not on the Earth"),
    "not a number": (document(POINTS.replace("54.01", "nan")), "not on the Earth"),
    "infinite": (document(POINTS.replace("54.01", "inf")), "not on the Earth"),
    "words for numbers": (document(POINTS.replace("54.01", "north")), "GPX"),
    "a height above all mountains": (document(POINTS.replace("150", "9001")), "9001"),
    "a height that is no number": (document(POINTS.replace("150", "nan")), "nan"),
    "no latitude": (document('<trkpt lon="1"><ele>1</ele></trkpt>' * 2), "GPX"),
    "cut off": (document()[:-20], "not XML"),
}


@pytest.mark.parametrize(("data", "reason"), ATTACKS.values(), ids=ATTACKS.keys())
def test_refused(data: bytes, reason: str) -> None:
    with pytest.raises(GpxError, match=reason):
        read_gpx(data)


def test_smoothing_takes_a_receivers_noise_out_of_the_climb() -> None:
    along = [index * 5.0 for index in range(400)]
    noisy = [200 + index * 0.5 + (3 if index % 2 else -3) for index in range(400)]
    raw_up, _ = ascent_and_descent(noisy)
    up, down = ascent_and_descent(smoothed(along, noisy))
    assert raw_up > 1000
    assert up == pytest.approx(200, abs=8)
    assert down < 8


def test_smoothing_leaves_points_that_stand_apart() -> None:
    assert smoothed([0, 100, 200], [10, 90, 20]) == [10, 90, 20]


@given(st.lists(st.tuples(st.floats(0, 80), st.floats(-400, 8000)), min_size=1, max_size=80))
def test_smoothed_heights_stay_between_the_lowest_and_the_highest(profile: list[tuple[float, float]]) -> None:
    along: list[float] = []
    heights: list[float] = []
    for step, height in profile:
        along.append((along[-1] if along else 0.0) + step)
        heights.append(height)
    result = smoothed(along, heights)
    assert len(result) == len(heights)
    assert min(heights) - 1e-6 <= min(result) <= max(result) <= max(heights) + 1e-6


@given(st.lists(st.floats(-400, 8000), min_size=1, max_size=80))
def test_climb_less_loss_is_the_difference_in_height(heights: list[float]) -> None:
    up, down = ascent_and_descent(heights)
    assert up - down == pytest.approx(heights[-1] - heights[0], abs=1e-6)
    assert up >= 0
    assert down >= 0


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=50),
    st.lists(
        st.tuples(st.integers(-1799, 1799), st.integers(-899, 899), st.integers(0, 8000)),
        min_size=2,
        max_size=20,
        unique_by=lambda t: t[:2],
    ),
)
def test_what_is_written_can_be_read(name: str, places: list[tuple[int, int, int]]) -> None:
    points = [Point(lon / 10, lat / 10, float(ele)) for lon, lat, ele in places]
    track = read_gpx(write_gpx(name=name, description="<&>", points=points))
    assert track.name == " ".join(name.split())
    assert track.description == "<&>"
    assert list(track.points) == points


def test_every_sample_says_that_it_is_synthetic_and_is_what_the_script_draws() -> None:
    from apps.hikes.sample import FOLDER
    from apps.hikes.sample.draw import WALKS, draw

    assert 20 <= len(WALKS) <= 30
    assert sorted(path.stem for path in Path(FOLDER).glob("*.gpx")) == sorted(walk.slug for walk in WALKS)
    for walk in WALKS:
        data = (FOLDER / f"{walk.slug}.gpx").read_bytes()
        assert data == draw(walk)
        assert "synthetic line between real summits" in read_gpx(data).description
