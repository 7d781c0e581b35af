"""The map as people and programs read it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from rich.table import Table
from rich.text import Text

from monolith.overview.entries import Entry, Published, TaskEntry

NONE: Final = "none"


def tables(found: Sequence[Entry]) -> Iterator[Table]:
    """Return one table for each module, for a terminal."""
    for entry in found:
        table = Table(title=entry.name, title_justify="left", title_style="bold", show_header=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        table.add_row("runs", entry.placement)
        for what, lines in _facts(entry):
            table.add_row(what, Text("\n".join(lines) or NONE))
        table.add_row("tasks", Text("\n".join(map(_task_line, entry.tasks)) or NONE))
        table.add_row("routes", Text("\n".join(_routes(entry)) or NONE))
        yield table


def as_json(found: Sequence[Entry]) -> str:
    """Return everything, for programs."""
    return json.dumps([asdict(entry) for entry in found], indent=2)


def as_mermaid(found: Sequence[Entry]) -> str:
    """Return the graph: an arrow leads from a module to one that it calls, a dotted one to one that it tells."""
    lines = ["graph LR"]
    lines += [f'    {entry.name}["{entry.name}<br>{", ".join(entry.tiers)}"]' for entry in found]
    lines += [f"    {entry.name} --> {other}" for entry in found for other in entry.requires]
    lines += [f"    {owner} -. {'<br>'.join(names)} .-> {other}" for owner, names, other in _told(found)]
    return "\n".join(lines)


def _told(found: Sequence[Entry]) -> Iterator[tuple[str, list[str], str]]:
    """Yield which module tells which other one, and what."""
    for owner in found:
        for other in (entry for entry in found if entry is not owner):
            heard = {subscription.message for subscription in other.subscribes}
            names = [event.name for event in owner.publishes if f"{owner.name}.{event.name}" in heard]
            if names:
                yield owner.name, names, other.name


def as_page(found: Sequence[Entry]) -> str:
    """Return the page of the reference: what holds wherever modules run, so the same from every environment."""
    parts = [
        "# Modules",
        "Written by `manage.py modules --write`; `manage.py modules --check` says whether it is current.",
        "An arrow leads from a module to one that it calls, a dotted one to one that subscribes to its events.",
        f"```mermaid\n{as_mermaid(found)}\n```",
        *(_section(entry) for entry in found),
    ]
    return "\n\n".join(parts) + "\n"


def _section(entry: Entry) -> str:
    rows = [
        f"| {what} | {', '.join(f'`{line}`' for line in lines) or NONE} |" for what, lines in _facts(entry)
    ]
    parts = [f"## {entry.name}", entry.summary, "\n".join(["| | |", "|---|---|", *rows])]
    if entry.tasks:
        rows = [
            f"| `{task.name}` | {_due(task)} | {_limits(task)} | {_manner(task)} |" for task in entry.tasks
        ]
        parts.append("\n".join(["| task | due | limits | |", "|---|---|---|---|", *rows]))
    if entry.routes:
        routes = [f"| `{route.method} {route.path}` | {route.tier} |" for route in entry.routes]
        parts.append("\n".join(["| route | tier |", "|---|---|", *routes]))
    return "\n\n".join(part for part in parts if part)


def _facts(entry: Entry) -> Iterator[tuple[str, Sequence[str]]]:
    yield "tiers", entry.tiers
    yield "schema", (entry.name,)
    yield "tables and views", entry.tables
    yield "public relations", entry.public_relations
    yield "provides", [f"{provided.name} ({provided.kind})" for provided in entry.provides]
    yield "requires", entry.requires
    yield "publishes", list(map(_published, entry.publishes))
    yield "handles commands", list(map(_published, entry.handles))
    yield "subscribes to", [f"{each.message} ({each.subscriber})" for each in entry.subscribes]
    yield "singletons", entry.singletons
    yield "secrets", entry.secrets
    yield "needs", entry.needs


def _published(message: Published) -> str:
    version = f" v{message.version}" if message.version > 1 else ""
    return f"{message.name}{version}{' (external)' if message.external else ''}"


def _task_line(task: TaskEntry) -> str:
    parts = (f"{task.name}: {_due(task)}", _limits(task), _manner(task))
    return "; ".join(part for part in parts if part)


def _due(task: TaskEntry) -> str:
    return task.due or "when it is enqueued"


def _limits(task: TaskEntry) -> str:
    return f"{task.time_limit_s} s, {task.memory_limit_mb} MB"


def _manner(task: TaskEntry) -> str:
    manners = {"heavy": task.heavy, "outside a transaction": not task.transaction}
    return ", ".join(name for name, holds in manners.items() if holds)


def _routes(entry: Entry) -> list[str]:
    return [f"{route.method} {route.path} ({route.tier})" for route in entry.routes]
