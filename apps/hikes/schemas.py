"""The shapes that the routes take and give."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints, field_validator

from apps.hikes.queries import Search, WalkSort
from apps.hikes.walking_time import Grade
from monolith.http.answers import Answer
from monolith.http.maybe import Maybe
from monolith.http.problems import Problem, field_error
from monolith.http.questions import Question

MAX_LIMIT: Final = 100
MAX_OFFSET: Final = 10_000  # a list that long is searched, not paged through

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
# Control characters are no text anyone types, and PostgreSQL cannot store the first of them.
Line = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", min_length=1, max_length=80, strip_whitespace=True)
]
Name = Annotated[Line, StringConstraints(max_length=120)]
Prose = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=2000)]
Number = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Paging(Question):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="At most so many items.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many items.")


class WalkSearch(Paging):
    """What a caller is looking for; every condition narrows the list."""

    near: Maybe[
        Annotated[str, StringConstraints(pattern=r"^-?\d{1,2}(\.\d{1,9})?,-?\d{1,3}(\.\d{1,9})?$")]
    ] = Field(default=None, description="Latitude and longitude in degrees: `54.45,-3.21`.")
    latitude: Maybe[Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]] = Field(
        default=None, description="With `longitude`, the same as `near`."
    )
    longitude: Maybe[Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]] = None
    radius_km: Maybe[Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)]] = Field(
        default=None, description="How far from there a walk may start."
    )
    min_km: Maybe[Number] = Field(default=None, description="Length of the walk at least.")
    max_km: Maybe[Number] = Field(default=None, description="Length of the walk at most.")
    max_ascent_m: Maybe[Number] = Field(default=None, description="Metres up at most.")
    max_hours: Maybe[Number] = Field(default=None, description="Walking time at most.")
    difficulty: Maybe[Grade] = None
    region: Maybe[Line] = Field(default=None, description="The region's name.")
    text: Maybe[Line] = Field(default=None, description="Appears in the name, region or summary.")
    on: Maybe[date] = Field(default=None, description="A day at the walk with a viable window still to come.")
    sort: WalkSort = Field(default=WalkSort.NAME, description="`nearest` needs a place.")

    @field_validator("near")
    @classmethod
    def _on_earth(cls, value: str | None) -> str | None:
        if value is not None:
            latitude, longitude = map(float, value.split(","))
            if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
                raise ValueError(f"{value} is not on the Earth; latitude -90 to 90, longitude -180 to 180")
        return value

    @property
    def place(self) -> tuple[float, float] | None:
        if self.near:
            latitude, longitude = map(float, self.near.split(","))
            return latitude, longitude
        if self.latitude is not None and self.longitude is not None:
            return self.latitude, self.longitude
        return None

    def search(self) -> Search:
        """Return the question without its paging. Raises Problem naming each field that does not fit the others."""
        if errors := list(self._contradictions()):
            raise Problem(422, "The request is not valid", errors=errors)
        return Search(
            near=self.place,
            radius_km=self.radius_km,
            min_km=self.min_km,
            max_km=self.max_km,
            max_ascent_m=self.max_ascent_m,
            max_hours=self.max_hours,
            difficulty=self.difficulty,
            region=self.region,
            text=self.text,
            on=self.on,
            sort=self.sort,
        )

    def _contradictions(self) -> Iterator[dict[str, Any]]:
        if (self.latitude is None) != (self.longitude is None):
            missing = "latitude" if self.latitude is None else "longitude"
            yield field_error("query", missing, detail="latitude and longitude belong together; send both")
        if self.near and (self.latitude is not None or self.longitude is not None):
            yield field_error("query", "near", detail="send near, or latitude and longitude, not both")
        if not self.place and self.radius_km is not None:
            yield field_error("query", "radius_km", detail="needs a place; send near=54.45,-3.21")
        if not self.place and self.sort is WalkSort.NEAREST:
            yield field_error("query", "sort", detail="nearest needs a place; send near=54.45,-3.21")
        if self.min_km is not None and self.max_km is not None and self.min_km > self.max_km:
            detail = f"min_km is {self.min_km:g}, more than max_km {self.max_km:g}"
            yield field_error("query", "min_km", detail=detail)


class WindowSearch(Question):
    """Which hours of a forecast."""

    viable: Maybe[bool] = Field(
        default=None, description="Only hours that are good, or only those that are not."
    )
    day: Maybe[date] = Field(default=None, description="Only this day at the walk, by mean solar time.")
    limit: int = Field(default=240, ge=1, le=240, description="At most so many hours.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out so many hours.")


class WalkOut(Answer):
    """A published walk."""

    id: UUID
    slug: str
    name: str
    region: str
    summary: str
    latitude: float = Field(description="Of the start, degrees north.")
    longitude: float = Field(description="Of the start, degrees east.")
    distance_km: float
    ascent_m: float
    descent_m: float
    duration_h: float = Field(description="By Naismith's rule with Langmuir's terms for going down.")
    difficulty: Grade
    windows_at: datetime | None = Field(description="When its forecast was last confirmed.")
    updated_at: datetime


class FoundWalk(WalkOut):
    """A walk in a list."""

    away_km: float | None = Field(default=None, description="From the place asked about.")


class WalkPage(Answer):
    """One page of walks."""

    total: int = Field(description="How many walks fit, on all pages.")
    limit: int
    offset: int
    items: list[FoundWalk]


class WindowOut(Answer):
    """One hour of forecast."""

    starts_at: datetime
    day: date
    temp_c: float
    precip_mm: float
    wind_kmh: float
    cloud_pct: float
    viable: bool = Field(description="In daylight, at most 2 mm, at most 80 km/h, within seven days.")


class WindowPage(Answer):
    """The hours of a walk that are not over."""

    slug: str
    forecast_at: datetime | None = Field(description="When the forecast was last confirmed; null: never.")
    stale: bool = Field(description="Confirmed more than 12 hours ago, or never.")
    total: int
    limit: int
    offset: int
    items: list[WindowOut]


class WalkLine(Answer):
    """GeoJSON geometry, RFC 7946."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[list[float]] = Field(description="Degrees east, degrees north, metres.")


class WalkTrack(Answer):
    """A GeoJSON feature, RFC 7946."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: WalkLine
    properties: dict[str, Any]


class UploadNames(Schema):
    """What the file does not say, or says wrongly."""

    name: Maybe[Name] = Field(default=None, description="Instead of the name in the file.")
    region: Maybe[Line] = Field(default=None, description="Instead of the first keyword in the file.")


class UploadFilter(Paging):
    """Which walks to list."""

    published: Maybe[bool] = None


class WalkEdit(Schema):
    """Fields to change; those left out stay."""

    model_config = ConfigDict(extra="forbid")

    name: Maybe[Name] = None
    region: Maybe[Line] = None
    summary: Maybe[Prose] = None
    difficulty: Maybe[Grade] = None


class UploadedWalk(WalkOut):
    """A walk as its keepers see it."""

    published: bool
    gpx_checksum: str = Field(description="SHA-256 of the uploaded file.")
    created_at: datetime


class UploadedWalkPage(Answer):
    """One page of walks, drafts included."""

    total: int
    limit: int
    offset: int
    items: list[UploadedWalk]


class WindowRefresh(Answer):
    """Which forecasts to fetch."""

    model_config = ConfigDict(extra="forbid")

    slug: Maybe[Slug] = Field(default=None, description="Only this walk.")
    force: bool = Field(default=False, description="Ask again although the last answer has not expired.")


class WindowRefreshReport(Answer):
    """How a refresh went."""

    provider: str
    outcomes: dict[str, int] = Field(
        description="Walks by outcome: fetched, unchanged, current, empty, failed, left (time was up)."
    )
    windows: int = Field(description="Hours stored.")
    problems: dict[str, str] = Field(description="By walk: why it failed, or what was refused.")
