"""Reading and writing GPX, the XML that walks travel in (topografix.com/GPX/1/1)."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from xml.parsers import expat

import gpxpy
from gpxpy.gpx import GPXException

from apps.hikes.errors import GpxError
from apps.hikes.geometry import Point, along_m

MAX_GPX_BYTES: Final = 5 * 1024 * 1024
MAX_POINTS: Final = 50_000  # a day's walk at one point a second
MAX_DEPTH: Final = 40
NAMESPACES: Final = ("http://www.topografix.com/GPX/1/1", "http://www.topografix.com/GPX/1/0")
SMOOTHING_M: Final = 60.0  # wider hides real bumps, narrower counts a receiver's noise as climbing
STEP_M: Final = 2.0  # ups and downs below it are not counted

_HEIGHT_M: Final = (-500.0, 9000.0)
type _Place = tuple[float, float, float | None]  # degrees east, degrees north, metres where known

_POINT_TAGS: Final = frozenset({"trkpt", "rtept"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What a GPX file says: names, and points whose heights are smoothed."""

    name: str
    description: str
    region: str  # GPX has no such field: the first of its keywords
    points: tuple[Point, ...]
    along: tuple[float, ...]  # metres from the start, one per point

    @property
    def distance_km(self) -> float:
        return self.along[-1] / 1000

    @property
    def elevations(self) -> list[float]:
        return [point.ele for point in self.points]


def read_gpx(data: bytes) -> Track:
    """Read a GPX 1.0 or 1.1 file: its first track, or its first route when it has no track.

    Raises GpxError when the file is too large, not GPX in UTF-8, declares a DTD or entities, or has
    fewer than two points with heights.
    """
    text = _checked(data)
    try:
        document = gpxpy.parse(text)
        name, description, raw = _points(document)
    except (GPXException, ValueError, TypeError, AttributeError) as error:
        raise GpxError(f"The file is not valid GPX: {error}. Export it again as GPX 1.1.") from error
    points = _filled(raw)
    along = along_m(points)
    heights = smoothed(along, [point.ele for point in points])
    return Track(
        name=_line(document.name or name, 120),
        description=_line(document.description or description, 2000),
        region=_line((document.keywords or "").split(",")[0], 80),
        points=tuple(point._replace(ele=height) for point, height in zip(points, heights, strict=True)),
        along=tuple(along),
    )


def smoothed(along: Sequence[float], elevations: Sequence[float]) -> list[float]:
    """Return heights averaged over the 60 m of track around each point; both ends keep theirs."""
    result = list(elevations)
    first, last, total = 0, 0, 0.0  # the sum of elevations[first:last]
    for index in range(len(along)):
        while last < len(along) and along[last] - along[index] <= SMOOTHING_M / 2:
            total += elevations[last]
            last += 1
        while along[index] - along[first] > SMOOTHING_M / 2:
            total -= elevations[first]
            first += 1
        result[index] = total / (last - first)
    return [elevations[0], *result[1:-1], elevations[-1]] if len(result) > 1 else result


def ascent_and_descent(elevations: Sequence[float]) -> tuple[float, float]:
    """Return the metres climbed and the metres lost, leaving out wiggles of less than 2 m."""
    up = down = 0.0
    level = elevations[0]
    for index, height in enumerate(elevations):
        step = height - level
        if abs(step) >= STEP_M or index == len(elevations) - 1:
            up, down = up + max(step, 0.0), down + max(-step, 0.0)
            level = height
    return up, down


def write_gpx(*, name: str, description: str, points: Sequence[Point], keywords: str = "") -> bytes:
    """Return a GPX 1.1 document with one track, in UTF-8."""
    root = Element("gpx", version="1.1", creator="fastmonolith hikes", xmlns=NAMESPACES[0])
    metadata = SubElement(root, "metadata")
    SubElement(metadata, "name").text = name
    SubElement(metadata, "desc").text = description
    if keywords:
        SubElement(metadata, "keywords").text = keywords
    track = SubElement(root, "trk")
    SubElement(track, "name").text = name
    segment = SubElement(track, "trkseg")
    for point in points:
        place = SubElement(segment, "trkpt", lat=f"{point.lat:.6f}", lon=f"{point.lon:.6f}")
        SubElement(place, "ele").text = f"{point.ele:.1f}"
    indent(root, space=" ")
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _checked(data: bytes) -> str:
    """Return the text once a pass without any expansion has found it harmless.

    gpxpy's own parser expands entities, and finds elements by pattern before it looks at the namespace.
    """
    if not data.strip():
        raise GpxError("The file is empty. Send a GPX file.")
    if len(data) > MAX_GPX_BYTES:
        raise GpxError(f"The file has {len(data)} bytes, at most {MAX_GPX_BYTES} are read. Thin it out.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = f"{error.reason} at byte {error.start}"
        raise GpxError(f"The file is not UTF-8 text: {at}. Save it as UTF-8.") from error
    _Scan().run(text)
    return text


class _Scan:
    """One pass over the XML that builds nothing."""

    def __init__(self) -> None:
        self.depth = 0
        self.points = 0
        self.parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.EntityDeclHandler = self.doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def run(self, text: str) -> None:
        try:
            self.parser.Parse(text.encode(), True)  # noqa: FBT003 - it takes no keywords
        except expat.ExpatError as error:
            raise GpxError(f"The file is not XML: {error}. Export it again as GPX 1.1.") from error

    def doctype(self, *_: Any) -> None:
        raise GpxError("The file declares a DTD or entities, which GPX never needs. Remove the declaration.")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, local = tag.rpartition(" ")
        if self.depth == 0 and (local != "gpx" or namespace not in NAMESPACES):
            found = f"{{{namespace}}}{local}" if namespace else local
            raise GpxError(f"The root is {found[:100]}, expected gpx of {NAMESPACES[0]}. Send a GPX file.")
        self.depth += 1
        self.points += local in _POINT_TAGS
        if self.depth > MAX_DEPTH:
            raise GpxError(f"The file nests elements more than {MAX_DEPTH} deep. Export it again as GPX 1.1.")
        if self.points > MAX_POINTS:
            raise GpxError(f"The file has more than {MAX_POINTS} points. Thin it out.")

    def end(self, tag: str) -> None:
        self.depth -= 1


def _points(document: Any) -> tuple[str, str, list[_Place]]:
    for track in document.tracks:
        if points := [point for segment in track.segments for point in segment.points]:
            return track.name or "", track.description or "", [_place(point) for point in points]
    for route in document.routes:
        if route.points:
            return route.name or "", route.description or "", [_place(point) for point in route.points]
    raise GpxError("The file has no track or route, or a prefix on its elements. Export it as GPX 1.1.")


def _place(point: Any) -> _Place:
    return point.longitude, point.latitude, point.elevation


def _filled(raw: Sequence[_Place]) -> list[Point]:
    """Return the points in order, repeats dropped, missing heights interpolated."""
    for lon, lat, ele in raw:
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # NaN is nowhere either
            raise GpxError(f"A point lies at lat {lat}, lon {lon}, which is not on the Earth. Remove it.")
        if ele is not None and not _HEIGHT_M[0] <= ele <= _HEIGHT_M[1]:
            raise GpxError(f"A point is {ele} m high, which no place on the Earth is. Remove it.")
    known = [index for index, point in enumerate(raw) if point[2] is not None]
    if len(known) * 2 < len(raw):
        missing = f"{len(raw) - len(known)} of {len(raw)} points have no elevation"
        raise GpxError(f"{missing}. Add elevations to the track.")
    points: list[Point] = []
    for index, (lon, lat, _) in enumerate(raw):
        if not points or points[-1][:2] != (lon, lat):
            points.append(Point(lon, lat, _height(raw, known, index)))
    if len(points) < 2:
        raise GpxError("The track has fewer than two different points. Record more of it.")
    return points


def _height(raw: Sequence[_Place], known: Sequence[int], index: int) -> float:
    own = raw[index][2]
    if own is not None:
        return own
    position = bisect_left(known, index)
    neighbours = known[max(0, position - 1) : position + 1]
    before, after = neighbours[0], neighbours[-1]
    low, high = raw[before][2] or 0.0, raw[after][2] or 0.0
    return low if before == after else low + (high - low) * (index - before) / (after - before)


def _line(text: str, limit: int) -> str:
    return " ".join(text.split())[:limit]
