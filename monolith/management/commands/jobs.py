"""`manage.py jobs`: see and steer the jobs of the modules that are composed here."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandError

from monolith.contracts import acting
from monolith.events import steering as messages
from monolith.jobs import steering, steering_schedules
from monolith.jobs.command_line import (
    STATUSES,
    add_actions,
    document,
    job_named,
    json_of,
    moment,
    span,
    table_of,
)
from monolith.jobs.rows import JobRow
from monolith.management.steering import SteeringCommand

ACTOR: Final = "command:jobs"
_JOB_COLUMNS: Final = (
    "reference",
    "task",
    "status",
    "attempts",
    "due_at",
    "error",
)


class Command(SteeringCommand):
    help = (
        "See and steer the jobs of the modules that are composed here. A job is named by its module and its number: "
        "hikes/12."
    )
    subject = "Jobs"
    named = "jobs"
    every = "dead"
    narrowing = ("task",)
    nothing = SteeringCommand.nothing | {"stuck": "Nothing is stuck.", "removed": "Nothing to remove."}

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_actions(parser)

    # Seeing.

    def _list(self, options: dict[str, Any]) -> None:
        module, before = options["module"] or None, None
        if options["before"]:
            module, before = job_named(options["before"], options["module"])
        if not 1 <= options["limit"] <= steering.MAX_LISTED:
            raise CommandError(f"--limit is 1 to {steering.MAX_LISTED}.")
        since = moment(options["since"]) if options["since"] else None

        def read(name: str) -> Iterable[Any]:
            return steering.list_jobs(
                name,
                status=options["status"],
                task=options["task"],
                since=since,
                before=before,
                limit=options["limit"],
            )

        jobs = sorted(self._gathered(read, module), key=lambda job: job.enqueued_at, reverse=True)
        self._give(options, "jobs", jobs[: options["limit"]], _JOB_COLUMNS)

    def _show(self, options: dict[str, Any]) -> None:
        job = steering.show_job(*job_named(options["job"], options["module"]))
        if options["json"]:
            self.stdout.write(document(job))
            return
        fields = asdict(job)
        errors = fields.pop("errors")
        known = [(name, value) for name, value in fields.items() if value not in (None, "", ())]
        self.console.print(table_of(("", job.reference), known))
        for error in errors:
            self._say(f"\n{error['at']}  {error['worker']}\n{error['traceback'].rstrip()}")

    def _counts(self, options: dict[str, Any]) -> None:
        counts = list(self._gathered(steering.count_jobs, options["module"]))
        if options["json"]:
            self.stdout.write(document({"counts": counts}))
            return
        self.console.print(
            table_of(
                ("module", "task", *STATUSES),
                [(each.module, each.task, *map(each.statuses.get, STATUSES)) for each in counts],
            )
        )

    def _stuck(self, options: dict[str, Any]) -> None:
        after = span(options["after"])
        found = list(
            self._gathered(lambda module: steering.stuck_jobs(module, after=after), options["module"])
        )
        rows = [
            {"job": each.job.reference, "task": each.job.task, "reason": each.reason, "since": each.since}
            for each in found
        ]
        self._give(options, "stuck", rows, ("job", "task", "reason", "since"))
        if found:
            raise SystemExit(1)

    # Steering.

    def _run(self, options: dict[str, Any]) -> None:
        args, kwargs = json_of(options["list"], list, "--args"), json_of(options["kwargs"], dict, "--kwargs")
        try:
            with acting(actor=ACTOR):
                job = steering.run_now(options["task"], module=options["module"], args=args, kwargs=kwargs)
        except (TypeError, ValueError) as error:
            raise CommandError(str(error)) from None
        self._done(options, [job], "enqueued; the workers of `manage.py qcluster` run it")

    def _replay(self, options: dict[str, Any]) -> None:
        self._steer(options, messages.replay, "ready again")

    def _discard(self, options: dict[str, Any]) -> None:
        self._steer(options, steering.discard, "discarded")

    def _dead_page(self, module: str, options: dict[str, Any], before: int | None) -> Sequence[JobRow]:
        return steering.list_jobs(
            module, status="dead", task=options["task"], before=before, limit=steering.MAX_LISTED
        )

    def _purge(self, options: dict[str, Any]) -> None:
        older_than = span(options["older_than"])

        def purge(module: str) -> Iterable[tuple[str, int]]:
            yield (
                module,
                steering.purge(module, older_than=older_than, dead=options["dead"], task=options["task"]),
            )

        purged = dict(self._gathered(purge, options["module"]))
        if options["json"]:
            self.stdout.write(document({"purged": purged}))
            return
        for module, count in purged.items():
            self._say(f"{module}: {count} jobs deleted")

    def _orphans(self, options: dict[str, Any]) -> None:
        read = steering_schedules.remove_orphans if options["remove"] else steering_schedules.orphans
        found = list(self._gathered(read, options["module"]))
        what = "removed" if options["remove"] else "orphans"
        self._give(options, what, found, ("module", "kind", "task", "jobs", "since"))
        if found and not options["remove"]:
            raise SystemExit(1)

    def _schedules(self, options: dict[str, Any]) -> None:
        if name := options["enable"] or options["disable"]:
            module = steering.owner_of(name, module=options["module"])
            rows = [steering_schedules.set_enabled(module, name, enabled=bool(options["enable"]))]
        else:
            rows = list(self._gathered(steering_schedules.list_schedules, options["module"]))
        columns = ("name", "module", "timing", "next_at", "last_at", "enabled")
        self._give(options, "schedules", rows, columns)

    def _singletons(self, options: dict[str, Any]) -> None:
        if name := options["start"] or options["stop"]:
            rows = [steering_schedules.set_running(name, running=bool(options["start"]))]
        else:
            rows = list(self._gathered(steering_schedules.list_leases, options["module"]))
        columns = ("name", "module", "deployment", "holder", "is_held", "expires_at", "enabled")
        self._give(options, "singletons", rows, columns)
