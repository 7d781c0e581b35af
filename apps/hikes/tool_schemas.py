"""The shapes that the tools of hikes take and give."""

from typing import Annotated

from pydantic import Field

from contracts.hikes import Difficulty
from monolith.contracts import Schema, UtcDatetime
from monolith.tools.pages import Page

_LINE = r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=_LINE)]
Region = Annotated[str, Field(min_length=1, max_length=80, pattern=_LINE)]
Prose = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")]
Gpx = Annotated[str, Field(min_length=1, max_length=1_000_000, pattern=r"^[^\x00]*$")]


class KeptWalk(Schema):
    """A walk as its keepers see it."""

    slug: str
    name: str
    region: str
    summary: str
    latitude: float
    """Of the start."""
    longitude: float
    distance_km: float
    ascent_m: float
    descent_m: float
    duration_h: float
    """Without rests."""
    difficulty: Difficulty
    published: bool
    windows_at: UtcDatetime | None
    """When its forecast was last confirmed."""
    created_at: UtcDatetime


class WalkPage(Page):
    """Walks, drafts included, newest first."""

    items: list[KeptWalk]
