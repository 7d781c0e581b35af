"""What hikes tells others about its walks. Runs as hikes, in the transaction that wrote what it tells of."""

from datetime import datetime

from django.db.models import Count, Min

from apps.hikes.models import Walk, Window
from apps.hikes.windows import HOUR
from contracts.hikes import Difficulty, WalkPublished, WalkRetired, WindowsRefreshed
from monolith.events import publish


def public_name(walk: Walk) -> str | None:
    """Return the slug that a walk is public by; None while it is a draft."""
    return walk.slug if walk.published else None


def tell_of_walk(walk: Walk, *, before: str | None) -> None:
    """Tell that a walk became public, or is no longer so by the name that it was public by `before`."""
    after = public_name(walk)
    if before == after:
        return
    if before is not None:
        tell_of_removal(before)
    if after is not None:
        publish(
            WalkPublished(
                slug=walk.slug,
                name=walk.name,
                region=walk.region,
                latitude=walk.latitude,
                longitude=walk.longitude,
                distance_km=walk.distance_km,
                duration_h=walk.duration_h,
                difficulty=Difficulty(walk.difficulty),
            )
        )


def tell_of_removal(slug: str) -> None:
    """Tell that there is no public walk of that name any more."""
    publish(WalkRetired(slug=slug))


def tell_of_windows(walk: Walk, *, now: datetime) -> None:
    """Tell that a walk's forecast was confirmed now."""
    ahead = Window.objects.filter(walk=walk.pk, viable=True, starts_at__gt=now - HOUR)
    found = ahead.aggregate(hours=Count("pk"), first=Min("starts_at"))
    publish(
        WindowsRefreshed(
            slug=walk.slug, confirmed_at=now, viable_hours=found["hours"], first_viable_at=found["first"]
        )
    )
