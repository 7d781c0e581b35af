"""What the commands have in common that see and steer what is in modules: asking all of them, printing, refusing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.events.errors import BrokerError
from monolith.jobs import steering
from monolith.jobs.command_line import document, job_named, table_of
from monolith.jobs.rows import JobRow
from monolith.jobs.steering_errors import SteeringError
from monolith.profile import Profile


class SteeringCommand(RichCommand):
    """A command with actions, each a method of its name with `_` before it."""

    requires_system_checks = ()
    subject: ClassVar[str]  # what it is about, for its refusals
    named: ClassVar[str]  # what may be named to be steered
    every: ClassVar[str]  # the option that means every dead letter
    narrowing: ClassVar[tuple[str, ...]]  # the options that go with that one only
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

    # Steering.

    def _steer(self, options: dict[str, Any], steer: Callable[[str, int], JobRow], done: str) -> None:
        """Steer the jobs that are named, or every dead letter; exits with 1 when one was refused."""
        if bool(options["jobs"]) == options[self.every]:
            raise CommandError(
                f"Name {self.named} (hikes/12), or say --{self.every} for every dead letter; not both."
            )
        if any(options[name] for name in self.narrowing) and not options[self.every]:
            names = " and ".join(f"--{name}" for name in self.narrowing)
            raise CommandError(f"{names} {'go' if len(self.narrowing) > 1 else 'goes'} with --{self.every}.")
        steered, refused = [], []
        named = [job_named(name, options["module"]) for name in options["jobs"]]
        for module, job in named or self._every_dead(options):
            try:
                steered.append(steer(module, job))
            except SteeringError as error:
                refused.append(str(error))
        self._done(options, steered, done, refused)
        if refused:
            raise SystemExit(1)

    def _every_dead(self, options: dict[str, Any]) -> list[tuple[str, int]]:
        def read(module: str) -> Iterator[Any]:
            before = None
            while page := self._dead_page(module, options, before):
                yield from page
                before = page[-1].id

        found = self._gathered(read, options["module"])
        return sorted((each.module, each.id) for each in found)  # the oldest of a module first

    def _dead_page(self, module: str, options: dict[str, Any], before: int | None) -> Sequence[Any]:
        """Return dead letters of a module as the options say, the newest first, from the one before `before`."""
        raise NotImplementedError

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
