"""One call of a tool on its way, what is told of it, and its entry in the record."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from monolith.contracts.scope import correlation_id
from monolith.events.ids import uuid7
from monolith.tools.audit import MAX_DETAIL, kept_arguments, kept_text, record, record_end
from monolith.tools.definition import Tool
from monolith.tools.models import ToolCall
from monolith.tools.progress import Progress
from monolith.tools.tokens import Identity

MAX_NAME_KEPT: Final = 100  # characters of a tool's name, of which a guest may write any number
MAX_CORRELATION: Final = 128
Outcome = ToolCall.Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """What is told to whoever called."""

    outcome: str
    text: str
    content: dict[str, Any] | None = None  # as the tool's output schema says; None after an error

    @property
    def is_error(self) -> bool:
        return self.content is None


@dataclass(slots=True)
class Attempt:
    """One call on its way."""

    identity: Identity
    name: str
    arguments: Mapping[str, Any]
    find: Callable[[], Tool | None]
    progress: Progress
    what: str = "tool"
    tool: Tool | None = None  # once it is found that the token may call it
    units: int = 0
    began: float = field(default_factory=time.perf_counter)
    id: UUID = field(default_factory=uuid7)
    has_begun: bool = False  # is in the record

    def begin(self) -> None:
        """Keep the call before it may change anything."""
        record(self._kept(Outcome.RUNNING, ""))
        self.has_begun = True

    def end(self, told: Told) -> None:
        """Keep how the call ended."""
        kept = self._kept(told.outcome, told.text if told.is_error else "")
        if self.has_begun:
            record_end(kept)
        else:
            record(kept)

    def _kept(self, outcome: str, detail: str) -> ToolCall:
        return ToolCall(
            id=self.id,
            token_id=self.identity.id,
            token_name=self.identity.name,
            tenant=self.identity.tenant,
            tool=kept_text(self.name, MAX_NAME_KEPT),
            tag=str(self.tool.tag) if self.tool else "",
            outcome=outcome,
            detail=kept_text(detail, MAX_DETAIL),
            arguments=kept_arguments(self.arguments),
            duration_ms=(time.perf_counter() - self.began) * 1000,
            units=self.units,
            correlation=kept_text(correlation_id(), MAX_CORRELATION),
        )
