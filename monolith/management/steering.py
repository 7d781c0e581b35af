"""What the commands have in common that see and steer what is in modules: asking all of them, printing, refusing."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.events.errors import BrokerError
from monolith.jobs import steering
from monolith.jobs.command_line import document, table_of
from monolith.jobs.steering_errors import SteeringError
from monolith.profile import Profile


class SteeringCommand(RichCommand):
    """A command with actions, each a method of its name with `_` before it."""

    requires_system_checks = ()
    subject: ClassVar[str]  # what it is about, for its refusals
    nothing: ClassVar[dict[str, str]] = {}  # what to say when a list is empty, by what it lists

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if composed().profile is not Profile.PRIVATE:
            raise CommandError(
                f"{self.subject} are the private tier's; run it with --settings=settings.private."
            )
        try:
            getattr(self, f"_{action.replace('-', '_')}")(options)
        except (SteeringError, BrokerError) as error:
            raise CommandError(str(error)) from None

    # Printing.

    def _gathered(self, read: Any, module: str | None) -> Iterable[Any]:
        gathered = steering.gather(read, [module] if module else None)
        for name, reason in gathered.unreachable.items():
            self.stderr.write(f"{name} cannot be asked: {reason}")
        if gathered.unreachable and not gathered.found:
            raise SystemExit(1)
        elsewhere = {} if module else steering.modules_elsewhere()
        for name, address in elsewhere.items():
            self.stderr.write(f"{name} is not in this process; ask {address or 'the one that runs it'}.")
        return gathered.found

    def _give(self, options: dict[str, Any], what: str, rows: Sequence[Any], columns: Sequence[str]) -> None:
        if options["json"]:
            self.stdout.write(document({what: rows}))
            return
        if not rows:
            self._say(self.nothing.get(what, f"No {what}."))
            return
        cells = [[row[c] if isinstance(row, dict) else getattr(row, c) for c in columns] for row in rows]
        self.console.print(table_of(columns, cells))

    def _done(
        self, options: dict[str, Any], jobs: Sequence[Any], done: str, refused: Sequence[str] = ()
    ) -> None:
        if options["json"]:
            self.stdout.write(document({"jobs": jobs, "refused": refused}))
            return
        for job in jobs:
            self._say(f"{job.reference} {done}")
        for reason in refused:
            self._say(reason)
        if not jobs and not refused:
            self._say("Nothing to do.")

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
