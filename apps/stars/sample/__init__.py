"""Sites and weather to start with; `load` brings them in.

`sites.csv` has real places: names, coordinates (to a kilometre or better), heights and time zones. Their weather and
what their months are usually like are made up, and said to be.
"""

import csv
from pathlib import Path
from typing import Final

SITES: Final = Path(__file__).parent / "sites.csv"


def load() -> str:
    """Store the sites of `sites.csv`, their nights and hours from now on; what is there already stays as it is.

    Returns what it did in one line.
    """
    # Here, because settings name this function before Django is ready.
    from django.utils import timezone

    from apps.stars.forecast.fixture import FixtureForecast
    from apps.stars.models import Site
    from apps.stars.refresh import refresh_hours
    from apps.stars.sample.climatology import MADE_UP, usual_months
    from apps.stars.services import add_site, load_climatology
    from monolith import entering

    now = timezone.now()
    with entering("stars"):
        known = set(Site.objects.values_list("slug", flat=True))
        rows = csv.DictReader(SITES.read_text(encoding="utf-8").splitlines())
        new = [row for row in rows if row["slug"] not in known]
        for row in new:
            site = add_site(
                slug=row["slug"],
                name=row["name"],
                country=row["country"],
                latitude=float(row["latitude"]),
                longitude=float(row["longitude"]),
                elevation_m=float(row["elevation_m"]),
                time_zone=row["time_zone"],
                now=now,
            )
            load_climatology(slug=site.slug, source=MADE_UP, months=usual_months(site, now.year))
        report = refresh_hours(provider=FixtureForecast(), now=now)
    return f"{len(new)} sites new, {len(known)} known, {report.hours} hours of weather"
