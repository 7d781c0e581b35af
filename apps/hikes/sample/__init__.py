"""Walks and weather to start with; `load` brings them in."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def load() -> str:
    """Store the walks of this folder and their windows from today on; what is there already stays as it is.

    Returns what it did in one line.
    """
    # Here, because settings name this function before Django is ready.
    from django.utils import timezone

    from apps.hikes.forecast.fixture import FixtureForecast
    from apps.hikes.models import Walk
    from apps.hikes.refresh import refresh_windows
    from apps.hikes.services import upload_walk
    from monolith import entering

    with entering("hikes"):
        known = set(Walk.objects.values_list("slug", flat=True))
        new = [file for file in sorted(FOLDER.glob("*.gpx")) if file.stem not in known]
        for file in new:
            upload_walk(data=file.read_bytes(), slug=file.stem, published=True)
        report = refresh_windows(provider=FixtureForecast(), now=timezone.now())
    done = f"{len(new)} walks new, {len(known)} known, {report.windows} weather windows"
    if report.problems:
        done += f"; {len(report.problems)} walks without: {next(iter(report.problems.values()))}"
    return done
