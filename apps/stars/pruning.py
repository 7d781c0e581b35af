"""Banking what is over, and then removing it. Runs as stars: enter the module first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.stars.models import NightTable, Site, ToldNight
from apps.stars.nights import DARK_DEG, night_of
from apps.stars.scoring import GOOD_NIGHT_HOURS
from apps.stars.zones import zone_named
from monolith import atomic, connection

KEPT: Final = timedelta(days=1)  # a night can still be looked at on the day after it

# One statement: an hour is counted exactly when it is removed. Nights go as a whole, because refreshing stores no hour
# that is over; so none is counted twice.
BANK_HOURS: Final = """
WITH gone AS (
    DELETE FROM stars_sitehour AS hour USING stars_site AS site
    WHERE site.id = hour.site_id AND site.time_zone = %(time_zone)s AND hour.night < %(before)s
    RETURNING hour.site_id, hour.night, hour.sun_altitude_deg, hour.clear_dark
), nights AS (
    SELECT site_id, night, count(*) AS hours,
        count(*) FILTER (WHERE sun_altitude_deg < %(dark_deg)s) AS dark, count(*) FILTER (WHERE clear_dark) AS clear
    FROM gone GROUP BY site_id, night
), banked AS (
    INSERT INTO stars_sitemonthstat AS known
        (site_id, month, nights, good_nights, hours, dark_hours, clear_dark_hours, updated_at)
    SELECT site_id, date_trunc('month', night)::date, count(*), count(*) FILTER (WHERE clear >= %(good_hours)s),
        sum(hours), sum(dark), sum(clear), %(now)s
    FROM nights GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (site_id, month) DO UPDATE SET
        nights = known.nights + excluded.nights, good_nights = known.good_nights + excluded.good_nights,
        hours = known.hours + excluded.hours, dark_hours = known.dark_hours + excluded.dark_hours,
        clear_dark_hours = known.clear_dark_hours + excluded.clear_dark_hours, updated_at = excluded.updated_at
)
SELECT count(*) FROM gone
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """How many rows a pruning removed."""

    hours: int
    nights: int


def prune(*, now: datetime) -> PruneReport:
    """Bank the hours of nights that were over a day ago in their months, and remove them and their night tables."""
    hours = nights = 0
    with atomic(), connection().cursor() as cursor:
        for time_zone in Site.objects.order_by("time_zone").values_list("time_zone", flat=True).distinct():
            before = night_of(now, zone_named(time_zone)) - KEPT
            cursor.execute(
                BANK_HOURS,
                {
                    "time_zone": time_zone,
                    "before": before,
                    "dark_deg": DARK_DEG,
                    "good_hours": GOOD_NIGHT_HOURS,
                    "now": now,
                },
            )
            hours += cursor.fetchone()[0]
            nights += NightTable.objects.filter(site__time_zone=time_zone, night__lt=before).delete()[0]
            ToldNight.objects.filter(site__time_zone=time_zone, night__lt=before).delete()
    return PruneReport(hours=hours, nights=nights)
