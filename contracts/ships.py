"""What ships promises: vessels and where they are; and what it tells about them."""

from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import DeclaredError, Event, Interface, Schema, UtcDatetime, raises, tool

Mmsi = Annotated[int, Field(ge=200_000_000, le=999_999_999)]
Hours = Annotated[float, Field(gt=0, le=168)]
Limit = Annotated[int, Field(ge=1, le=200)]


class Around(Schema):
    """What is near a place."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    """Degrees north."""
    longitude: Annotated[float, Field(ge=-180, le=180)]
    """Degrees east."""
    radius_km: Annotated[float, Field(gt=0, le=500)] = 10.0
    """At most so far from it."""


class Sighting(Schema):
    """Where a vessel was last heard."""

    at: UtcDatetime
    latitude: float
    longitude: float
    sog: float | None
    """Speed over ground in knots."""
    cog: float | None
    """Course over ground in degrees."""
    heading: int | None
    """True heading in degrees."""
    moored_since: UtcDatetime | None
    """Has stayed within 500 m since, for an hour or more; None when it is not moored."""


class VesselNear(Sighting):
    """A vessel near a place."""

    mmsi: Mmsi
    name: str
    """Empty: it never said."""
    ship_type: int | None
    """ITU-R M.1371 table 53."""
    away_km: float
    """From the place asked about."""


class Vessel(Schema):
    """What a vessel says about itself; None or empty where it never did."""

    mmsi: Mmsi
    name: str
    imo: int | None
    call_sign: str
    ship_type: int | None
    """ITU-R M.1371 table 53."""
    length: int | None
    """Metres over all."""
    beam: int | None
    """Metres."""
    destination: str
    eta: UtcDatetime | None
    draught: float | None
    """Metres."""
    first_seen: UtcDatetime
    latest: Sighting | None
    """None: it was heard, and never said where it was."""


class VesselNotFound(DeclaredError):
    """No such vessel was heard."""

    mmsi: int


class Ships(Interface, Protocol):
    """Vessels, as their own broadcasts have them."""

    @tool("find_vessels")
    def vessels_near(self, *, near: Around, within_hours: Hours = 1.0, limit: Limit = 50) -> list[VesselNear]:
        """Return the vessels last heard near a place within the last hours, nearest first."""
        ...

    @tool()
    @raises(VesselNotFound)
    def get_vessel(self, *, mmsi: Mmsi) -> Vessel:
        """Return one vessel."""
        ...


class VesselFirstSeen(Event, key="mmsi", external=True):
    """A vessel was heard that never was before."""

    mmsi: int
    name: str
    """Empty: it has not said yet."""
    heard_at: UtcDatetime


class VesselMoored(Event, key="mmsi"):
    """A vessel has stayed within 500 m for an hour."""

    mmsi: int
    name: str
    latitude: float
    """Of the place that it stays at."""
    longitude: float
    moored_since: UtcDatetime
    heard_at: UtcDatetime
    """The first stored report by which it was an hour; repeats of a place are not stored for five minutes."""


class VesselDeparted(Event, key="mmsi", external=True):
    """A vessel has left the place where it was moored."""

    mmsi: int
    name: str
    latitude: float
    """Of the place that it left."""
    longitude: float
    moored_since: UtcDatetime
    heard_at: UtcDatetime
    """The first report from elsewhere."""
