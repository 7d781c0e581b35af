"""What `manage.py jobs` reads from its command line and prints: actions, names of jobs, times, JSON."""

import json
import re
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.management.base import CommandError
from rich.table import Table
from rich.text import Text

from monolith.management.actions import Actions
from monolith.models import Job

STATUSES: Final = tuple(Job.Status.values)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add_actions(parser: ArgumentParser) -> None:
    """Declare the actions and their options."""
    action = Actions(parser, of_modules=True).add
    listing = action("list", "List jobs, the newest first.")
    listing.add_argument("--status", choices=STATUSES)
    listing.add_argument("--task", metavar="PATH", help="only jobs of this task, by its dotted name")
    listing.add_argument(
        "--since", metavar="AGE", help="enqueued in the last 30m, 6h, 2d, or since 2026-06-21T03:00Z"
    )
    listing.add_argument("--before", metavar="ID", help="older than this job; for the next page of a module")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
    show = action("show", "Show one job: arguments, attempts, errors.")
    show.add_argument("job", metavar="JOB")
    action("counts", "Count jobs by task and status.")
    stuck = action("stuck", "List jobs that nobody seems to look after; exit 1 when there are some.")
    stuck.add_argument("--after", default="5m", metavar="AGE", help="due for so long and not started (5m)")
    run = action("run", "Enqueue a job of a task now.")
    run.add_argument("task", metavar="TASK", help="its dotted name: apps.stars.tasks.refresh")
    run.add_argument(
        "--args", dest="list", default="[]", metavar="JSON", help="positional arguments as a JSON list"
    )
    run.add_argument("--kwargs", default="{}", metavar="JSON", help="keyword arguments as a JSON object")
    for name, text in (
        ("replay", "Let jobs that ended run again, with all of their attempts; their errors stay."),
        ("discard", "Give up jobs that do not run."),
    ):
        steered = action(name, text)
        steered.add_argument("jobs", nargs="*", metavar="JOB")
        steered.add_argument("--dead", action="store_true", help="every dead letter instead of named jobs")
        steered.add_argument("--task", metavar="PATH", help="with --dead: only those of this task")
    purge = action("purge", "Delete jobs that ended long ago.")
    purge.add_argument("--older-than", default="7d", metavar="AGE", help="ended so long ago (7d)")
    purge.add_argument("--dead", action="store_true", help="dead letters as well")
    purge.add_argument("--task", default="", metavar="PATH", help="only jobs of this task")
    orphans = action("orphans", "List jobs and schedules whose function is gone; exit 1 when there are some.")
    orphans.add_argument("--remove", action="store_true", help="discard those jobs, delete those schedules")
    schedules = action("schedules", "List schedules, or switch one.")
    switch = schedules.add_mutually_exclusive_group()
    switch.add_argument("--enable", metavar="TASK", help="let the schedule of this task fire")
    switch.add_argument("--disable", metavar="TASK", help="keep the schedule of this task from firing")
    singletons = action("singletons", "List who leads each singleton, or switch one off wherever it runs.")
    switched = singletons.add_mutually_exclusive_group()
    switched.add_argument("--start", metavar="NAME", help="let it run again, by its dotted name")
    switched.add_argument(
        "--stop", metavar="NAME", help="end it within one renewal of its lease, and keep it off"
    )


def job_named(name: str, module: str) -> tuple[str, int]:
    """Read the name of a job: hikes/12, or 12 with --module."""
    match = re.fullmatch(r"(?:([a-z][a-z0-9_]*)/)?([0-9]{1,18})", name)
    owner = (match[1] or module) if match else ""
    if match is None or not owner or (module and owner != module):
        raise CommandError(
            f"{name!r} names no job; write module/number as in hikes/12, or --module hikes 12."
        )
    return owner, int(match[2])


def span(text: str) -> timedelta:
    """Read a span of time: 30s, 15m, 6h, 7d."""
    match = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    if match is None:
        raise CommandError(f"{text!r} is no span of time; write 30s, 15m, 6h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def moment(text: str) -> datetime:
    """Read a time, or how long ago it is; without a zone it is UTC."""
    if re.fullmatch(r"[0-9]{1,5}[smhd]", text):
        return datetime.now(UTC) - span(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{text!r} is no time; write 6h for the last six hours, or 2026-06-21T03:00Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def json_of(text: str, kind: type, option: str) -> Any:
    """Read the JSON of an option."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{option} is not JSON: {error}") from None
    if not isinstance(value, kind):
        raise CommandError(f"{option} is a JSON {'list' if kind is list else 'object'}; it got {text}.")
    return value


def table_of(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Table:
    """Return values as people read them; times in UTC."""
    table = Table()
    for position, name in enumerate(columns):
        table.add_column(name, overflow="fold", no_wrap=position == 0)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))  # what tasks are given is no markup
    return table


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return "" if value is None else str(value)


def document(value: Any) -> str:
    """Return what programs read."""
    return json.dumps(value, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
