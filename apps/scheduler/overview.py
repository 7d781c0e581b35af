"""What the admin's page of jobs shows: one view at a time, so that each module is asked one thing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from apps.scheduler import queries
from monolith.events import steering as messages
from monolith.jobs import steering, steering_schedules
from monolith.models import Job, OutboxMessage

PAGE: Final = 50

VIEWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "jobs": "Jobs",
        "letters": "Dead letters",
        "inbox": "Inbox",
        "outbox": "Outbox",
        "stuck": "Stuck",
        "schedules": "Schedules",
        "orphans": "Orphaned",
        "runs": "Last runs",
    }
)
_STATUSES: Final[Mapping[str, list[str]]] = MappingProxyType(
    {"jobs": Job.Status.values, "inbox": Job.Status.values, "outbox": OutboxMessage.Status.values}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page is to show."""

    view: str
    module: str = ""  # empty: all
    status: str = ""  # empty: all

    @property
    def is_known(self) -> bool:
        return (
            self.view in VIEWS
            and self.module in ("", *steering.modules_here())
            and self.status in ("", *self.statuses)
        )

    @property
    def title(self) -> str:
        return VIEWS[self.view]

    @property
    def statuses(self) -> list[str]:
        return _STATUSES.get(self.view, [])


def found(asked: Asked) -> dict[str, Any]:
    """Return what a view shows, and what its template needs to offer the others. Raises SteeringError."""
    answer: dict[str, Any] = (
        {"items": queries.last_runs(asked.module or None)} if asked.view == "runs" else _asked(asked)
    )
    return answer | {"asked": asked, "views": VIEWS, "modules": steering.modules_here(), "page": PAGE}


def _asked(asked: Asked) -> dict[str, Any]:
    if asked.view == "jobs":
        return queries.newest_jobs(
            module=asked.module or None,
            status=asked.status or None,
            task=None,
            since=None,
            before=None,
            limit=PAGE,
        )
    readers: dict[str, Callable[[str], Any]] = {
        "letters": messages.dead_letters,
        "inbox": lambda module: messages.list_inbox(module, status=asked.status, limit=PAGE),
        "outbox": lambda module: messages.list_outbox(module, status=asked.status, limit=PAGE),
        "stuck": steering.stuck_jobs,
        "schedules": steering_schedules.list_schedules,
        "orphans": steering_schedules.orphaned_jobs,
    }
    answer = queries.everywhere(readers[asked.view], asked.module or None)
    if asked.view == "inbox":
        answer["items"] = sorted(answer["items"], key=lambda row: row.enqueued_at, reverse=True)[:PAGE]
    return answer
