"""Which addresses may be probed: the public tier's, and those that the settings list. Nothing else is asked."""

from django.conf import settings

from apps.home.errors import OriginNotAllowedError
from monolith import composed

PUBLIC_TIER = ""
"""Stands for the public tier, wherever MONOLITH_PUBLIC_ORIGIN says it is."""


def public_origin() -> str:
    """Return where the public tier is; empty when nobody said."""
    return composed().environment.public_origin


def listed_origins() -> frozenset[str]:
    """Return the origins in HOME_PROBE_ORIGINS: `http(s)://host:port` each."""
    return frozenset(str(origin).rstrip("/") for origin in getattr(settings, "HOME_PROBE_ORIGINS", ()))


def address_of(origin: str) -> str | None:
    """Return where to ask for a service of that origin; None when it is not to be asked."""
    if origin == PUBLIC_TIER:
        return public_origin() or None
    return origin if origin in listed_origins() | {public_origin()} else None


def require_allowed(origin: str) -> None:
    """Raise OriginNotAllowedError for an address that is not to be probed.

    The public tier may always be meant, also while nobody says where it is.
    """
    if origin != PUBLIC_TIER and address_of(origin) is None:
        raise OriginNotAllowedError(origin, listed_origins() | ({public_origin()} - {""}))
