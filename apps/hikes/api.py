"""What hikes promises other modules, kept."""

from typing import Any, Final

from django.utils import timezone

from apps.hikes import queries
from apps.hikes.queries import Search, WalkSort
from contracts.hikes import (
    Around,
    Day,
    Difficulty,
    Limit,
    Measure,
    Slug,
    Text,
    Walk,
    WalkAhead,
    WalkNotFound,
    Window,
)

MAX_WINDOWS: Final = 240  # ten days of hours, more than are ever kept
_WINDOW: Final = ("starts_at", "temp_c", "precip_mm", "wind_kmh", "cloud_pct")


def find_walks(
    *,
    near: Around | None = None,
    text: Text | None = None,
    max_km: Measure | None = None,
    max_ascent_m: Measure | None = None,
    max_hours: Measure | None = None,
    on: Day | None = None,
    limit: Limit = 10,
) -> list[Walk]:
    """Return published walks that meet every condition given."""
    search = Search(
        near=None if near is None else (near.latitude, near.longitude),
        radius_km=None if near is None else near.radius_km,
        text=text,
        max_km=max_km,
        max_ascent_m=max_ascent_m,
        max_hours=max_hours,
        on=on,
        sort=WalkSort.NAME if near is None else WalkSort.NEAREST,
    )
    found = queries.page(queries.find_walks(search, now=timezone.now()), limit=limit, offset=0)
    return [Walk(**_promised(row)) for row in found.items]


def get_walk(*, slug: Slug) -> WalkAhead:
    """Return one published walk with its viable hours ahead."""
    row = queries.get_walk(slug)
    found = queries.get_windows(slug, now=timezone.now(), viable=True, day=None)
    if row is None or found is None:
        raise WalkNotFound(slug=slug)
    hours = queries.window_page(found[1], limit=MAX_WINDOWS, offset=0)
    windows = [Window(**{field: hour[field] for field in _WINDOW}) for hour in hours]
    return WalkAhead(**_promised(row), windows=windows)


def _promised(row: dict[str, Any]) -> dict[str, Any]:
    known = {field: row[field] for field in Walk.model_fields if field in row}
    return {"away_km": None} | known | {"difficulty": Difficulty(row["difficulty"])}
