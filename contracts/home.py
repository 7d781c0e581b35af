"""What home promises: how services do, as they were last measured; and what it tells when that changes."""

from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from monolith.contracts import Event, Interface, Schema, UtcDatetime, tool


class Status(StrEnum):
    """How a service does against its target."""

    HEALTHY = "healthy"  # at its target or above
    WARNING = "warning"  # below it by half a percentage point at most
    DEGRADED = "degraded"
    UNKNOWN = "unknown"  # not measured


Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Slugs = Annotated[list[Slug], Field(max_length=100)]


class ServiceStatus(Schema):
    """A service as it was last measured."""

    slug: str
    name: str
    status: Status
    availability_pct: float | None
    """The good share of the probes in its window, rounded down; None without any."""
    target_pct: float
    budget_left_minutes: float
    """Minutes that it may still fail in its window; negative when it failed for longer."""
    probed_at: UtcDatetime | None
    snapshot_at: UtcDatetime
    """When these numbers were made."""
    stale: bool
    """They are too old to stand for now, or their probes are."""


class Home(Interface, Protocol):
    """Status of the system's services."""

    @tool("get_status")
    def service_status(self, *, services: Slugs | None = None) -> list[ServiceStatus]:
        """Return the services asked for that are measured, or all of them, by slug."""
        ...


class SloBreached(Event, key="service"):
    """A service has fallen more than half a percentage point below its objective. Told once until it recovers."""

    service: str
    """Its slug."""
    name: str
    module: str
    """Which module answers; empty when none of this system does."""
    at: UtcDatetime
    """When it was judged so."""
    availability_pct: float
    """The good share of the probes in its window, rounded down."""
    target_pct: float
    window_minutes: int
    budget_left_minutes: float
    """Minutes that it may still fail in its window; negative when it failed for longer."""


class SloRecovered(Event, key="service", external=True):
    """A service that had breached its objective meets it again."""

    service: str
    """Its slug."""
    name: str
    module: str
    """Which module answers; empty when none of this system does."""
    at: UtcDatetime
    """When it was judged so."""
    breached_at: UtcDatetime
    """When it was judged to have breached it."""
    availability_pct: float
    """The good share of the probes in its window, rounded down."""
    target_pct: float
    window_minutes: int
