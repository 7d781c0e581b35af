"""`manage.py contracts`: what modules promise each other, as files that a reviewer sees change."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.contracts.documents.breaks import RELEASED
from monolith.contracts.documents.files import (
    Files,
    contract_files,
    differences,
    message_files,
    read_files,
    release_breaks,
    write_files,
)
from monolith.contracts.message_registry import framework_messages, messages_of, messages_problems
from monolith.contracts.registry import contracts
from monolith.errors import CompositionError
from monolith.events.registry import subscribers_by_type
from monolith.project import project_directory

FOLDER: Final = Path("docs/reference/contracts")
HOW_TO: Final = (
    "Keep to what was released, or make the change in a new major version beside the old one: "
    "contracts/<module>_v2.py, provided by apps/<module>/api_v2.py. "
    "A message gets a new version and an upcaster instead."
)


class Command(RichCommand):
    help = (
        "Write OpenAPI 3.1 for each contract, JSON Schema for each of its Schemas and messages, and one AsyncAPI 3.0 "
        "document for all messages. Additive change is free; what breaks readers of the last release needs a new "
        "major version, or a message's new version with an upcaster."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument(
            "--check",
            action="store_true",
            help="change nothing; exit 1 when files are stale or readers of the last release break",
        )
        choice.add_argument(
            "--release",
            action="store_true",
            help="also keep the documents as those of the last release, unless its readers break",
        )
        parser.add_argument(
            "--folder", type=Path, metavar="PATH", help=f"where the files are; {FOLDER} by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.shown = options["folder"] or FOLDER
        folder = project_directory() / self.shown
        files = self._files()
        released = read_files(folder / RELEASED)
        problems = [str(each) for each in release_breaks(released, files)]
        if options["check"]:
            self._check(folder, files, released, problems)
        elif options["release"] and problems:
            self._fail("The documents are not released, because they break readers:", problems, HOW_TO)
        else:
            self._write(folder, files, release=options["release"])

    def _files(self) -> Files:
        composition = composed()
        if missing := composition.declared.keys() - composition.modules.keys():
            raise CommandError(
                f"The documents have every module; unset MONOLITH_MODULES, it leaves out {sorted(missing)}."
            )
        problems = [p for module in composition.declared.values() for _, p in messages_problems(module)]
        if problems:
            raise CompositionError(problems)
        messages = [message for module in composition.declared.values() for message in messages_of(module)]
        messages += framework_messages()
        handled = {name: list(subscribers_by_type(name)) for name in composition.declared}
        files = contract_files(contract for versions in contracts().values() for contract in versions)
        return files | message_files(messages, handled)

    def _check(self, folder: Path, files: Files, released: Files, problems: list[str]) -> None:
        stale = [f"{self.shown / name} is stale" for name in differences(read_files(folder), files)]
        if stale:
            self._list("These files are not what the contracts say:", stale, "Run `manage.py contracts`.")
        if problems:
            self._list("These changes break readers of the last release:", problems, HOW_TO)
        if stale or problems:
            raise SystemExit(1)
        self._say(f"{len(files)} files are what the contracts say.")
        if released:
            self._say("Nothing breaks readers of the last release.")
        else:
            self._say("Nothing was released yet, so nothing can break; `manage.py contracts --release` does.")

    def _write(self, folder: Path, files: Files, *, release: bool) -> None:
        changed = write_files(folder, files)
        if release:
            changed += [f"{RELEASED}/{name}" for name in write_files(folder / RELEASED, files)]
        for name in changed:
            self._say(str(self.shown / name))
        self._say(f"{len(changed)} files changed, {len(files)} in all.")

    def _fail(self, heading: str, lines: list[str], fix: str) -> None:
        self._list(heading, lines, fix)
        raise SystemExit(1)

    def _list(self, heading: str, lines: list[str], fix: str) -> None:
        for line in (heading, *(f"  - {line}" for line in lines), fix):
            self._say(line)

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
