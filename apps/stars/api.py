"""What stars promises other modules, kept."""

from dataclasses import asdict

from django.utils import timezone

from apps.stars import queries, sky, sun
from contracts.stars import Around, BestNight, Days, Limit, Nights, Place, Places, SunTimes


def sun_times(*, places: Places, days: Days) -> list[list[SunTimes]]:
    """Return the sun's times at each place on each day."""
    return [[SunTimes(**asdict(sun.sun_times(day, _place(place)))) for day in days] for place in places]


def best_sites(*, near: Around | None = None, nights: Nights = 3, limit: Limit = 10) -> list[BestNight]:
    """Return the sites with clear dark hours in the days ahead, each with its best night."""
    found = queries.best_nights(
        now=timezone.now(),
        near=None if near is None else _place(near),
        radius_km=None if near is None else near.radius_km,
        nights=nights,
        limit=limit,
    )
    return [BestNight(**asdict(night)) for night in found]


def _place(place: Place) -> sky.Place:
    return sky.Place(place.latitude, place.longitude)
