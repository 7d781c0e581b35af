"""`manage.py events`: see and steer the messages of the modules that are composed here."""

import json
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandError
from rich.text import Text
from rich.tree import Tree

from monolith.events import correlations, positions, steering
from monolith.events.command_line import add_actions
from monolith.events.rows import DeadLetter, Traced
from monolith.jobs.command_line import document, job_named, table_of
from monolith.jobs.steering import MAX_LISTED
from monolith.management.steering import SteeringCommand

_BACKLOG: Final = (
    "module",
    "unsent",
    "oldest_s",
    "timers",
    "foreign",
    "broker",
    "ready",
    "running",
    "retrying",
    "blocked",
    "held",
    "parked",
    "dead",
)


class Command(SteeringCommand):
    help = (
        "See and steer the messages of the modules that are composed here. A message of an inbox is named by its "
        "module and its job's number: hikes/12."
    )
    subject = "Messages"
    named = "dead letters"
    every = "all"
    narrowing = ("subscriber", "type")
    nothing = {"outbox": "Nothing waits.", "letters": "No dead letters.", "discarded": "Nothing to discard."}

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_actions(parser)

    # Seeing.

    def _backlog(self, options: dict[str, Any]) -> None:
        in_broker, problem = steering.try_broker_backlog()
        if problem:
            self.stderr.write(f"The broker cannot be asked: {problem}")

        def read(module: str) -> Iterable[Any]:
            return [steering.backlog(module, in_broker=in_broker)]

        rows = list(self._gathered(read, options["module"]))
        undeclared = {} if problem or options["module"] else steering.undeclared_backlog()
        if options["json"]:
            found = {"backlog": rows, "broker": problem or "reached", "undeclared": undeclared}
            self.stdout.write(document(found))
            return
        self._give(options, "backlog", rows, _BACKLOG)
        for name, held in undeclared.items():
            self._say(
                f"Nobody reads as {name}, which no module declares, and {held:,} messages wait for it in the broker. "
                f"`events converge --remove {name}` removes it."
            )

    def _outbox(self, options: dict[str, Any]) -> None:
        limit = _limit(options)

        def read(module: str) -> Iterable[Any]:
            return steering.list_outbox(
                module,
                type_name=options["type"],
                status=options["status"] or "",
                foreign=options["foreign"],
                limit=limit,
            )

        rows = list(self._gathered(read, options["module"]))
        self._give(
            options, "outbox", rows, ("id", "module", "type", "key", "status", "due_at", "environment")
        )

    def _dead(self, options: dict[str, Any]) -> None:
        limit = _limit(options)

        def read(module: str) -> Iterable[DeadLetter]:
            return steering.dead_letters(
                module, subscriber=options["subscriber"], type_name=options["type"], limit=limit
            )

        letters = list(self._gathered(read, options["module"]))
        columns = (
            "reference",
            "type",
            "subscriber",
            "key",
            "parks",
            "followers",
            "attempts",
            "error",
            "died_at",
        )
        self._give(options, "letters", letters, columns)

    def _show(self, options: dict[str, Any]) -> None:
        found = steering.show(*job_named(options["job"], options["module"]))
        if options["json"]:
            self.stdout.write(document(found))
            return
        job = found.job
        fields = asdict(found) | {"subscriber": job.task, "status": job.status, "attempts": job.attempts}
        fields = {name: value for name, value in fields.items() if name not in ("job", "envelope")}
        self.console.print(table_of(("", job.reference), fields.items()))
        text = json.dumps(found.envelope, indent=2, ensure_ascii=False)
        self._say(found.envelope if isinstance(found.envelope, str) else text)
        for error in job.errors:
            self._say(f"\n{error['at']}  {error['worker']}\n{error['traceback'].rstrip()}")

    def _subscribers(self, options: dict[str, Any]) -> None:
        rows = list(self._gathered(steering.list_subscribers, options["module"]))
        self._give(options, "subscribers", rows, ("name", "module", "type", "versions", "parks", "is_on"))

    def _positions(self, options: dict[str, Any]) -> None:
        rows = list(self._gathered(positions.positions, options["module"]))
        self._give(options, "positions", rows, ("module", "stream", "position"))

    def _trace(self, options: dict[str, Any]) -> None:
        correlation = options["correlation"]
        found = correlations.messages(
            self._gathered(lambda module: correlations.sightings(module, correlation), options["module"])
        )
        if options["json"]:
            self.stdout.write(document({"correlation": correlation, "messages": found}))
            return
        if not found:
            self._say("No messages of it are known here, or not any more.")
            return
        self.console.print(_tree(correlation, found))

    # Steering.

    def _replay(self, options: dict[str, Any]) -> None:
        self._steer(options, steering.replay, "runs again")

    def _discard(self, options: dict[str, Any]) -> None:
        self._steer(options, steering.discard, "discarded")

    def _dead_page(self, module: str, options: dict[str, Any], before: int | None) -> Sequence[DeadLetter]:
        return steering.dead_letters(
            module,
            subscriber=options["subscriber"],
            type_name=options["type"],
            before=before,
            limit=MAX_LISTED,
        )

    def _discard_foreign(self, options: dict[str, Any]) -> None:
        def discard(module: str) -> Iterable[dict[str, Any]]:
            gone = steering.discard_foreign(module, only=options["environment"])
            return [
                {"module": module, "environment": name, "messages": count} for name, count in gone.items()
            ]

        rows = list(self._gathered(discard, options["module"]))
        self._give(options, "discarded", rows, ("module", "environment", "messages"))

    def _position(self, options: dict[str, Any]) -> None:
        module, position = options["module"], options["set"]
        if not module:
            raise CommandError("Say which module reads: --module hikes.")
        if not options["yes"]:
            raise CommandError(
                f"'{module}' would go on after {position:,}: what it has not read up to there it never gets. "
                "`events positions` shows where it is. Say --yes to set it."
            )
        row = positions.set_position(module, position, stream=options["stream"])
        self._give(options, "positions", [row], ("module", "stream", "position"))

    def _off(self, options: dict[str, Any]) -> None:
        self._switch(options, on=False)

    def _on(self, options: dict[str, Any]) -> None:
        self._switch(options, on=True)

    def _switch(self, options: dict[str, Any], *, on: bool) -> None:
        row = steering.switch(options["subscriber"], on=on)
        if options["json"]:
            self.stdout.write(document({"subscribers": [row]}))
            return
        kept = "it is given what was kept" if on else "its messages are kept until it is switched on"
        self._say(f"{row.name} is {'on' if on else 'off'}; {kept}.")

    def _converge(self, options: dict[str, Any]) -> None:
        if options["remove"]:
            self._remove(options)
            return
        declared = steering.converge(narrow=options["narrow"])
        rows = [{"consumer": name, "types": types} for name, types in declared.items()]
        self._give(options, "consumers", rows, ("consumer", "types"))

    def _remove(self, options: dict[str, Any]) -> None:
        name = options["remove"]
        if not options["yes"]:
            raise CommandError(
                f"What waits for '{name}' in the broker would be lost. `events backlog` shows how much, and which "
                "consumers no module declares. Say --yes to remove it."
            )
        steering.remove_consumer(name)
        self._give(options, "removed", [{"consumer": name}], ("consumer",))


def _limit(options: dict[str, Any]) -> int:
    limit: int = options["limit"]
    if not 1 <= limit <= MAX_LISTED:
        raise CommandError(f"--limit is 1 to {MAX_LISTED}.")
    return limit


def _tree(correlation: str, messages: Iterable[Traced]) -> Tree:
    """Return messages below what led to them; below the top, those whose cause is not known here any more."""
    children: dict[str, list[Traced]] = defaultdict(list)
    listed = list(messages)
    known = {each.id for each in listed}
    for each in listed:
        children[each.causation if each.causation in known else ""].append(each)
    tree = Tree(Text(correlation))

    def add(to: Tree, message: Traced) -> None:
        node = to.add(Text(f"{message.type} {message.id} {message.occurred_at:%Y-%m-%d %H:%M:%S}"))
        for stop in message.stops:
            name = f"{stop.module}/{stop.job}" if stop.job else stop.module
            node.add(Text(f"{name} {stop.subscriber or ''} {stop.status}".replace("  ", " ")))
        for child in children[message.id]:
            add(node, child)

    for message in children[""]:
        add(tree, message)
    return tree
