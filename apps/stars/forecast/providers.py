"""The forecast providers by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from apps.stars.errors import UnknownProviderError
from apps.stars.forecast.fixture import FixtureForecast
from apps.stars.forecast.metno import URL, MetnoForecast
from apps.stars.forecast.port import ForecastProvider

PROVIDERS: Final = ("fixture", "metno")
# MET Norway blocks clients that do not say who they are: set STARS_USER_AGENT to your site and contact.
USER_AGENT: Final = "fastmonolith-stars/0.1"


def default_provider() -> str:
    """Return the name in STARS_FORECAST_PROVIDER, else the one that needs no network."""
    return str(getattr(settings, "STARS_FORECAST_PROVIDER", PROVIDERS[0]))


@contextmanager
def provider_named(name: str) -> Iterator[ForecastProvider]:
    """Open the provider called `name` and close it afterwards. Raises UnknownProviderError."""
    provider = _open(name)
    try:
        yield provider
    finally:
        provider.close()


def _open(name: str) -> ForecastProvider:
    if name == "fixture":
        return FixtureForecast()
    if name == "metno":
        return MetnoForecast(
            user_agent=getattr(settings, "STARS_USER_AGENT", USER_AGENT),
            url=getattr(settings, "STARS_METNO_URL", URL),
        )
    raise UnknownProviderError(name, PROVIDERS)
