"""What can be done with walks. Runs as hikes: enter the module first."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError
from django.utils.text import slugify

from apps.hikes.announcing import public_name, tell_of_walk
from apps.hikes.errors import GpxError, WalkExistsError, WalkNotFoundError
from apps.hikes.geometry import Point, simplified
from apps.hikes.gpx import Track, ascent_and_descent, read_gpx
from apps.hikes.models import Walk
from apps.hikes.walking_time import descent_h, grade_of, legs_of, naismith_h
from monolith import atomic

TOLERANCE_M: Final = 8.0  # finer keeps a receiver's noise, coarser cuts hairpins
MIN_KM: Final = 0.1
MAX_KM: Final = 1000.0
SLUG_LENGTH: Final = 70  # leaves room for a number
SLUG_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a track amounts to."""

    distance_km: float
    ascent_m: float
    descent_m: float
    duration_h: float
    difficulty: str


def measure(track: Track) -> Measures:
    """Return length, climb, walking time and grade. Raises GpxError for less than 100 m or over 1,000 km."""
    if not MIN_KM <= track.distance_km <= MAX_KM:
        raise GpxError(
            f"The track is {track.distance_km:.3f} km long; {MIN_KM:g} to {MAX_KM:g} km is a walk."
        )
    ascent_m, descent_m = ascent_and_descent(track.elevations)
    hours = naismith_h(distance_km=track.distance_km, ascent_m=ascent_m)
    return Measures(
        distance_km=round(track.distance_km, 2),
        ascent_m=round(ascent_m),
        descent_m=round(descent_m),
        duration_h=round(hours + descent_h(legs_of(track.along, track.elevations)), 2),
        difficulty=grade_of(distance_km=track.distance_km, ascent_m=ascent_m),
    )


def upload_walk(
    *, data: bytes, name: str = "", region: str = "", slug: str = "", published: bool = False
) -> Walk:
    """Store a GPX file as a walk; what is not given comes from the file.

    Raises GpxError when it cannot be read, WalkExistsError when the same file was stored before.
    """
    track = read_gpx(data)
    measures = measure(track)
    title = name or track.name
    if not title:
        raise GpxError("The file names no walk. Send a name with it.")
    start = track.points[0]
    walk = Walk(
        name=title,
        region=region or track.region,
        summary=track.description,
        latitude=start.lat,
        longitude=start.lon,
        distance_km=measures.distance_km,
        ascent_m=measures.ascent_m,
        descent_m=measures.descent_m,
        duration_h=measures.duration_h,
        difficulty=measures.difficulty,
        track=[_rounded(point) for point in simplified(track.points, tolerance_m=TOLERANCE_M)],
        gpx=data.decode("utf-8-sig"),
        gpx_checksum=hashlib.sha256(data).hexdigest(),
        published=published,
    )
    return _stored(walk, slug=slug)


def edit_walk(
    *,
    slug: str,
    name: str | None = None,
    region: str | None = None,
    summary: str | None = None,
    difficulty: str | None = None,
) -> Walk:
    """Change what people wrote about a walk; None leaves a field alone. Raises WalkNotFoundError."""
    given = {"name": name, "region": region, "summary": summary, "difficulty": difficulty}
    changes = {field: value for field, value in given.items() if value is not None}
    return _changed(slug, changes)


def publish_walk(*, slug: str) -> Walk:
    """Show a walk to everyone; once more changes nothing. Raises WalkNotFoundError."""
    return _changed(slug, {"published": True})


def retire_walk(*, slug: str) -> Walk:
    """Take a walk and its forecast back; once more changes nothing. Raises WalkNotFoundError."""
    return _changed(slug, {"published": False, "windows_at": None})


def points_of(track: list[list[float]]) -> list[Point]:
    """Return a stored track as points."""
    return [Point(*place) for place in track]


def _changed(slug: str, changes: Mapping[str, str | bool | None]) -> Walk:
    with atomic():
        walk = Walk.objects.select_for_update().defer("gpx").filter(slug=slug).first()
        if walk is None:
            raise WalkNotFoundError(slug)
        before = public_name(walk)
        differing = [field for field, value in changes.items() if getattr(walk, field) != value]
        for field in differing:
            setattr(walk, field, changes[field])
        if differing:
            walk.save(update_fields=[*differing, "updated_at"])
            tell_of_walk(walk, before=before)
    return walk


def _stored(walk: Walk, *, slug: str) -> Walk:
    """Save a new walk under the first free slug; the database decides which is free."""
    stem = slug or slugify(walk.name.replace("_", " "))[:SLUG_LENGTH].strip("-") or "walk"
    for attempt in range(1, SLUG_ATTEMPTS + 1):
        walk.slug = stem if attempt == 1 else f"{stem}-{attempt}"
        twin = Walk.objects.filter(gpx_checksum=walk.gpx_checksum).values_list("slug", flat=True).first()
        if twin is not None:
            raise WalkExistsError(twin)
        if Walk.objects.filter(slug=walk.slug).exists():
            continue
        try:
            with atomic():
                walk.save(force_insert=True)
                tell_of_walk(walk, before=None)
        except IntegrityError:
            # Someone else took the slug, or sent the same file, since we looked: look again.
            continue
        return walk
    raise WalkExistsError(walk.slug)


def _rounded(point: Point) -> list[float]:
    return [round(point.lon, 6), round(point.lat, 6), round(point.ele, 1)]
