"""The shapes that the routes take."""

from datetime import date
from typing import Annotated, Final

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, field_validator

from apps.stars.errors import UnknownZoneError
from apps.stars.queries import MAX_NIGHTS_AHEAD, Search, SiteSort
from apps.stars.sky import Place
from apps.stars.zones import zone_named
from monolith.http.maybe import Maybe
from monolith.http.problems import Problem, field_error

MAX_OFFSET: Final = 10_000  # a list that long is searched, not paged through
MAX_DAYS: Final = 31

# In the pattern, not only in the code: who reads the description then knows what is taken.
_DECIMALS: Final = r"(\.[0-9]{1,12})?"
_LATITUDE: Final = rf"-?(90(\.0{{1,12}})?|[0-8]?[0-9]{_DECIMALS})"
_LONGITUDE: Final = rf"-?(180(\.0{{1,12}})?|1[0-7][0-9]{_DECIMALS}|[0-9]{{1,2}}{_DECIMALS})"
_TEXT: Final = (
    r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL cannot store the first of them, and nobody types the others
)

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Line = Annotated[str, StringConstraints(pattern=_TEXT, min_length=1, max_length=80, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=_TEXT, min_length=1, max_length=120, strip_whitespace=True)]
Prose = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=2000)]
PlaceText = Annotated[str, StringConstraints(pattern=rf"^{_LATITUDE},{_LONGITUDE}$")]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


def _calendar(value: date) -> date:
    if not date(1900, 1, 1) <= value <= date(2100, 12, 31):
        raise ValueError(f"{value} is outside the years 1900 to 2100, for which the sky is computed")
    return value


def _zone(value: str) -> str:
    try:
        zone_named(value)
    except UnknownZoneError as error:
        raise ValueError(str(error)) from error
    return value


Day = Annotated[date, AfterValidator(_calendar)]
ZoneName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]


def place_of(text: str) -> Place:
    """Return the place that two degrees name."""
    latitude, longitude = map(float, text.split(","))
    return Place(latitude, longitude)


class Paging(Schema):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=100, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class Near(Schema):
    """Around which place."""

    near: Maybe[PlaceText] = Field(
        default=None, description="Latitude and longitude in degrees: `54.45,-3.21`."
    )
    radius_km: Maybe[Annotated[float, Field(gt=0, le=20_100, allow_inf_nan=False)]] = Field(
        default=None, description="How far from there at most."
    )

    @property
    def place(self) -> Place | None:
        return None if self.near is None else place_of(self.near)

    def require_place(self, **needing: bool) -> None:
        """Raise Problem naming each field that needs a place when there is none."""
        if self.near is not None:
            return
        detail = "needs a place; send near=54.45,-3.21"
        needed = {"radius_km": self.radius_km is not None} | needing
        if errors := [field_error("query", name, detail=detail) for name, true in needed.items() if true]:
            raise Problem(422, "The request is not valid", errors=errors)


class SiteSearch(Near, Paging):
    """Which sites; every condition narrows the list."""

    country: Maybe[Line] = Field(default=None, description="The country's name.")
    text: Maybe[Line] = Field(default=None, description="Appears in the name, country or summary.")
    sort: SiteSort = Field(default=SiteSort.NAME, description="`nearest` needs a place.")

    def search(self) -> Search:
        """Return the question without its paging. Raises Problem naming each field that lacks a place."""
        self.require_place(sort=self.sort is SiteSort.NEAREST)
        return Search(near=self.place, radius_km=self.radius_km, country=self.country, text=self.text)


class BestSearch(Near):
    """Where the sky will be dark and clear."""

    nights: int = Field(default=3, ge=1, le=MAX_NIGHTS_AHEAD, description="Within so many days.")
    limit: int = Field(default=10, ge=1, le=50, description="At most so many sites.")


class HourSearch(Schema):
    """Which hours of a forecast."""

    night: Maybe[Day] = Field(default=None, description="Only this night: local time less twelve hours.")
    clear_dark: Maybe[bool] = Field(default=None, description="Only clear dark hours, or only the others.")
    limit: int = Field(default=240, ge=1, le=240, description="At most so many hours.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many hours.")


class SkyDays(Schema):
    """Where, and on which days there."""

    place: PlaceText = Field(description="Latitude and longitude in degrees: `54.45,-3.21`.")
    day: Maybe[Day] = Field(default=None, description="The first day; absent: today there.")
    days: int = Field(default=1, ge=1, le=MAX_DAYS, description="So many days.")


class UsualMonthIn(Schema):
    """What a month of the year is usually like."""

    model_config = ConfigDict(extra="forbid")

    month: int = Field(ge=1, le=12)
    cloud_pct: Percent = Field(description="Mean cloud cover at night.")
    clear_dark_pct: Percent = Field(description="How many of the dark hours are clear.")


class NewSite(Schema):
    """A site to add. It does not move: its place and time zone stay."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    elevation_m: float = Field(default=0, ge=-500, le=9000, allow_inf_nan=False)
    time_zone: ZoneName = Field(description="Its IANA name: `Europe/London`.")
    country: Annotated[str, StringConstraints(pattern=_TEXT, max_length=80)] = ""
    summary: Prose = ""


class SiteEdit(Schema):
    """Fields to change; those left out stay."""

    model_config = ConfigDict(extra="forbid")

    name: Maybe[Name] = None
    country: Maybe[Annotated[str, StringConstraints(pattern=_TEXT, max_length=80)]] = None
    summary: Maybe[Prose] = None


class Climatology(Schema):
    """What the months of a site are usually like, and who says so."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[
        str, StringConstraints(pattern=_TEXT, min_length=1, max_length=200, strip_whitespace=True)
    ]
    months: list[UsualMonthIn] = Field(min_length=1, max_length=12)

    @field_validator("months")
    @classmethod
    def _once_each(cls, value: list[UsualMonthIn]) -> list[UsualMonthIn]:
        if len({usual.month for usual in value}) < len(value):
            raise ValueError("a month appears twice; send each once")
        return value


class HourRefresh(Schema):
    """Which forecasts to fetch."""

    model_config = ConfigDict(extra="forbid")

    slug: Maybe[Slug] = Field(default=None, description="Only this site.")
    force: bool = Field(default=False, description="Ask again although the last answer has not expired.")
