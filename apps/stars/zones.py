"""Time zones by their IANA names."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError

from apps.stars.errors import UnknownZoneError


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return a time zone. Raises UnknownZoneError."""
    if name not in _names():
        raise UnknownZoneError(name)
    return ZoneInfo(name)


@cache  # the system's list is a walk over some hundreds of files
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_zone(name: str) -> None:
    """Refuse what is no time zone, as Django's forms want it."""
    try:
        zone_named(name)
    except UnknownZoneError as error:
        raise ValidationError(str(error)) from error
