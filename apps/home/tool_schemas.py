"""The shapes that the tools of home take and give."""

from datetime import date
from typing import Annotated

from pydantic import Field

from apps.home.models import MAX_WINDOW_MINUTES, SLUG
from contracts.home import Status
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

Slug = Annotated[str, Field(min_length=1, max_length=80, pattern=SLUG)]
Target = Annotated[float, Field(gt=0, le=100)]
Window = Annotated[int, Field(ge=60, le=MAX_WINDOW_MINUTES)]
ZoneName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]
SampleLimit = Annotated[int, Field(ge=1, le=200)]


class Level(Schema):
    """What was said of a service at one moment, by the objective of that time."""

    at: UtcDatetime
    status: Status
    total: int
    """Probes in the window."""
    good: int
    availability_pct: float | None
    """The good share, rounded down; None without a probe."""
    target_pct: float
    window_minutes: int
    budget_minutes: float
    left_minutes: float
    """What is left of the budget; negative when more than all of it is spent."""
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None


class LevelPage(Page):
    """What was said of a service, newest first."""

    items: list[Level]


class Slo(Schema):
    """What is expected of a service, and how it does."""

    slug: str
    name: str
    active: bool
    target_pct: float
    window_minutes: int
    breached: bool
    """It has crossed its objective, and was told of as that."""
    newest: Level | None
    """None: not measured yet."""


class SloPage(Page):
    """Service levels by slug."""

    items: list[Slo]


class SampleShown(Schema):
    """How one probe went."""

    at: UtcDatetime
    good: bool
    status: int | None
    latency_ms: float | None
    failure: str
    """Empty, status, timeout, unreachable or protocol."""


class Samples(Schema):
    """The newest samples of a service."""

    slug: str
    items: list[SampleShown]


class Node(Schema):
    """A module."""

    name: str
    title: str
    summary: str
    tiers: list[str]
    requires: list[str]
    """The modules that it calls."""
    status: Status
    """The worst of its services; unknown where none is measured."""


class Topology(Schema):
    """The modules of the system, in the order they are declared."""

    snapshot_at: UtcDatetime | None
    stale: bool
    """Too old to stand for now, or never made."""
    items: list[Node]


class EventShown(Schema):
    """Something that happens on a day."""

    title: str
    place: str
    starts_at: UtcDatetime
    ends_at: UtcDatetime


class NoteChange(Schema):
    """A note of the wiki that changed on a day."""

    slug: str
    title: str
    is_public: bool
    changed_at: UtcDatetime


class Today(Schema):
    """The events of today and the notes that changed, by the clocks of a zone."""

    day: date
    time_zone: str
    read_at: UtcDatetime | None
    """When the calendar was last read with success."""
    stale: bool
    events: list[EventShown]
    """The first hundred."""
    notes: list[NoteChange]
    """The last ten."""
