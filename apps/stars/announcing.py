"""What stars tells others: of each good night ahead, once. Runs as stars, in the transaction that stored the hours."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Avg, Count, Max, Min

from apps.stars.models import Site, SiteHour, ToldNight
from apps.stars.nights import night_of
from apps.stars.scoring import GOOD_NIGHT_HOURS
from apps.stars.weather import HOUR
from apps.stars.zones import zone_named
from contracts.stars import GoodNightAhead
from monolith.events import publish_all

NIGHTS_TOLD: Final = 3  # the further ahead, the more often a forecast takes it back


def tell_of_good_nights(site: Site, *, now: datetime) -> int:
    """Tell of a site's good nights ahead that nobody was told of yet, and keep that they were; return how many.

    The caller holds the site's row: two who look at once would tell twice.
    """
    tonight = night_of(now, zone_named(site.time_zone))
    told = ToldNight.objects.filter(site=site, night__gte=tonight).values("night")
    hours = SiteHour.objects.filter(
        site=site,
        clear_dark=True,
        starts_at__gt=now - HOUR,
        night__range=(tonight, tonight + timedelta(days=NIGHTS_TOLD - 1)),
    )
    nights = (
        hours.exclude(night__in=told)
        .order_by("night")
        .values("night")
        .annotate(count=Count("pk"), first=Min("starts_at"), last=Max("starts_at"), mean=Avg("score"))
        .filter(count__gte=GOOD_NIGHT_HOURS)
    )
    good = [
        GoodNightAhead(
            site=site.slug,
            name=site.name,
            country=site.country,
            latitude=site.latitude,
            longitude=site.longitude,
            night=row["night"],
            starts_at=row["first"],
            ends_at=row["last"] + HOUR,
            clear_dark_hours=row["count"],
            score=round(row["mean"]),
        )
        for row in nights
    ]
    ToldNight.objects.bulk_create([ToldNight(site=site, night=night.night, told_at=now) for night in good])
    publish_all(good)
    return len(good)
