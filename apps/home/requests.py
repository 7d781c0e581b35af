"""The shapes that the routes take."""

from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from apps.home.models import MAX_TIMEOUT_MS, MAX_WINDOW_MINUTES, PATH, SLUG
from apps.home.rollup import STAT_HOURS
from monolith.addresses import remote_origin
from monolith.http.maybe import Maybe

MAX_OFFSET: Final = 100_000
_TEXT: Final = r"^[^\x00-\x1f\x7f]*$"
_ORIGIN: Final = r"^(https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?)?$"


def _origin(value: str) -> str:
    if value:
        remote_origin(value)
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"no time zone is called {value!r}; use an IANA name, such as Europe/London")
    return value


Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=80)]
Name = Annotated[str, StringConstraints(pattern=_TEXT, min_length=1, max_length=120, strip_whitespace=True)]
PagePath = Annotated[str, StringConstraints(pattern=PATH, max_length=500)]
Origin = Annotated[str, StringConstraints(pattern=_ORIGIN, max_length=200), AfterValidator(_origin)]
ModuleName = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*)?$", max_length=39)]
HttpStatus = Annotated[int, Field(ge=100, le=599)]
TimeoutMs = Annotated[int, Field(ge=100, le=MAX_TIMEOUT_MS)]
ZoneName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Target = Annotated[Decimal, Field(gt=0, le=100, decimal_places=3, allow_inf_nan=False)]
Window = Annotated[int, Field(ge=60, le=MAX_WINDOW_MINUTES)]


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=100, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class StatSearch(Paging):
    """Which hours."""

    service: Maybe[Slug] = Field(default=None, description="Only this service.")
    hours: int = Field(default=24, ge=1, le=STAT_HOURS, description="So many, with the current one.")


class SampleSearch(Schema):
    """How many samples."""

    limit: int = Field(default=60, ge=1, le=500, description="At most so many, newest first.")


class Day(Schema):
    """Whose today."""

    time_zone: ZoneName = Field(default="UTC", description="Its IANA name: `Europe/London`.")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class NewProbe(Schema):
    """A service to measure."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug
    name: Name
    path: PagePath = Field(description="`/healthz`")
    origin: Origin = Field(default="", description="`http(s)://host:port`; empty: the public tier.")
    module: ModuleName = Field(
        default="", description="The module that answers, if it is one of this system."
    )
    expected_status: HttpStatus = 200
    timeout_ms: TimeoutMs = 5000


class ProbeEdit(Schema):
    """Fields to change; those left out stay."""

    model_config = ConfigDict(extra="forbid")

    name: Maybe[Name] = None
    path: Maybe[PagePath] = None
    origin: Maybe[Origin] = None
    module: Maybe[ModuleName] = None
    expected_status: Maybe[HttpStatus] = None
    timeout_ms: Maybe[TimeoutMs] = None
    active: Maybe[bool] = Field(default=None, description="Off: not probed and not shown; its history stays.")


class SloEdit(Schema):
    """What is expected from now on; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    target_pct: Maybe[Target] = Field(default=None, description="So much of the probes is to be good: 99.5.")
    window_minutes: Maybe[Window] = Field(default=None, description="Of so many minutes up to now.")
