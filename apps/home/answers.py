"""The shapes that the routes give."""

from datetime import date, datetime

from pydantic import Field

from contracts.home import Status
from monolith.http.answers import Answer


class Snapshot(Answer):
    """When numbers were made, and whether they may stand for now."""

    snapshot_at: datetime | None = Field(description="Null: nothing was measured yet.")
    age_s: int | None = Field(description="Seconds since then, rounded down to tens.")
    stale: bool = Field(description="More than five minutes old, or never made: do not take it for now.")


class Latency(Answer):
    """How long answers took, in milliseconds; null where there was none."""

    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None


class Level(Latency):
    """What the probes of a window say of a service."""

    status: Status
    total: int = Field(description="Probes in the window.")
    good: int = Field(description="Those that were answered in time and as expected.")
    availability_pct: float | None = Field(description="The good share, rounded down; null without a probe.")
    target_pct: float
    window_minutes: int
    budget_minutes: float = Field(description="So much of the window may be bad.")
    left_minutes: float = Field(
        description="What is left of it, a minute off for each bad probe; it may be negative."
    )
    probed_at: datetime | None


class StatusOut(Level):
    """A service."""

    slug: str
    name: str
    module: str = Field(description="The module that answers; empty: none in particular.")
    status_since: datetime
    stale: bool = Field(description="Its last probe was more than five minutes ago, or there was none.")


class StatusPage(Snapshot):
    """How the system does."""

    overall: Status = Field(description="The worst of all services.")
    items: list[StatusOut]


class HourOut(Latency):
    """One hour of a service."""

    starts_at: datetime
    total: int
    good: int
    availability_pct: float | None


class ServiceHours(Answer):
    """The last hours of a service; those without a probe are left out."""

    slug: str
    name: str
    hours: list[HourOut]


class StatsPage(Snapshot):
    """One page of services with their hours."""

    total: int
    limit: int
    offset: int
    items: list[ServiceHours]


class NodeOut(Answer):
    """A module."""

    name: str
    title: str
    summary: str
    tiers: list[str]
    requires: list[str] = Field(description="The modules that it calls.")
    status: Status = Field(description="The worst of its services; unknown where none is measured.")


class Topology(Snapshot):
    """The modules of the system, in the order they are declared."""

    items: list[NodeOut]


class ProbeOut(Answer):
    """A service and how it is measured."""

    slug: str
    name: str
    module: str
    origin: str = Field(description="Empty: the public tier.")
    path: str
    expected_status: int
    timeout_ms: int
    active: bool
    answered_at: datetime | None = Field(description="Its first answer; null: it is measured from then on.")
    created_at: datetime
    updated_at: datetime


class ProbePage(Answer):
    """One page of services."""

    total: int
    limit: int
    offset: int
    items: list[ProbeOut]


class SampleOut(Answer):
    """How one probe went."""

    at: datetime
    good: bool
    status: int | None
    latency_ms: float | None
    failure: str = Field(description="Empty, status, timeout, unreachable or protocol.")


class Samples(Answer):
    """The newest samples of a service."""

    slug: str
    store: str = Field(description="Where they are kept: postgresql or clickhouse.")
    items: list[SampleOut]


class SnapshotOut(Level):
    """What was said of a service at one moment."""

    at: datetime


class LatchOut(Answer):
    """On which side of its objective a service is."""

    breached: bool
    crossed_at: datetime | None
    crossings: int


class SloOut(Answer):
    """What is expected of a service, and how it does."""

    slug: str
    name: str
    active: bool
    target_pct: float
    window_minutes: int
    latch: LatchOut | None = Field(description="Null: it has not crossed its objective yet.")
    newest: SnapshotOut | None = Field(description="Null: not measured yet.")


class SloPage(Answer):
    """One page of service levels."""

    total: int
    limit: int
    offset: int
    items: list[SloOut]


class SloHistory(Answer):
    """One page of a service's snapshots, newest first."""

    slug: str
    total: int
    limit: int
    offset: int
    items: list[SnapshotOut]


class EventOut(Answer):
    """Something that happens today."""

    title: str
    place: str
    starts_at: datetime
    ends_at: datetime
    source: str


class NoteOut(Answer):
    """A note of the wiki that changed today."""

    slug: str
    title: str
    revision: int
    is_public: bool
    changed_at: datetime


class Today(Answer):
    """The events of today and the notes that changed, by the clocks of a zone."""

    day: date
    time_zone: str
    read_at: datetime | None = Field(description="When the calendar was last read with success; null: never.")
    stale: bool = Field(description="That was more than an hour ago, or never.")
    items: list[EventOut]
    notes_changed: int = Field(description="How many notes of the wiki were written, edited or published.")
    notes: list[NoteOut] = Field(description="The last ten of them, newest first.")
