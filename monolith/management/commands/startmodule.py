"""`manage.py startmodule`: a new module, sealed and working from the first minute."""

import difflib
import tomllib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.environment import listed
from monolith.module import Tier
from monolith.project import project_directory
from monolith.scaffold.files import write_all
from monolith.scaffold.module_list import LIST_NAME, UnexpectedForm, import_line, with_module
from monolith.scaffold.new_module import NewModule, files, problems

MODULE_LIST: Final = "settings/modules.py"
PACKAGES: Final = ("apps/__init__.py", "contracts/__init__.py")
DEFAULT_LINE_LENGTH: Final = 88  # ruff's


class Command(RichCommand):
    help = (
        "Make a module with a table, a contract, routes, admin and tests, and add it to settings/modules.py. "
        "Everything is checked before anything is written."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="lower-case letters, digits and single underscores")
        parser.add_argument(
            "--tier",
            choices=[str(tier.name).lower() for tier in (Tier.PUBLIC, Tier.PRIVATE, Tier.BOTH)],
            default="both",
            help="who its routes are for: everyone, staff, or both (both)",
        )
        parser.add_argument("--title", default="", help="its name for people (the name, capitalised)")
        parser.add_argument("--requires", default="", metavar="A,B", help="the modules it may call")
        parser.add_argument("--dry-run", action="store_true", help="show what would be made and make nothing")
        parser.add_argument(
            "--unlisted", action="store_true", help=f"leave {MODULE_LIST} alone, to be edited by hand"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_directory()
        new = NewModule(
            name=options["name"],
            tier=Tier[options["tier"].upper()],
            title=options["title"],
            requires=tuple(dict.fromkeys(listed(options["requires"]))),
        )
        if found := list(problems(new, declared=composed().declared, project=project)):
            raise CommandError("\n  - ".join(["Nothing was made:", *found]))
        made = {path: "" for path in PACKAGES if not (project / path).exists()} | files(new)
        changed = {} if options["unlisted"] else {MODULE_LIST: _with_entry(project, new.name)}
        if options["dry_run"]:
            self._show(project, made, changed)
            return
        write_all(project, new=made, changed=changed)
        self._report(new, made, listed=not options["unlisted"])

    def _show(self, project: Path, made: dict[str, str], changed: dict[str, str]) -> None:
        self._print("Would make:", *(f"  {path}" for path in made))
        for path, text in changed.items():
            before = _read(project / path)
            diff = difflib.unified_diff(before.splitlines(), text.splitlines(), path, path, lineterm="", n=1)
            self._print("Would change:", *(f"  {line}" for line in diff))

    def _report(self, new: NewModule, made: dict[str, str], *, listed: bool) -> None:
        self._print(f"Made {len(made)} files; read apps/{new.name}/module.py first.")
        if not listed:
            self._print(f"Add it to {MODULE_LIST}:", *_by_hand(new.name))
        self._print(
            "Next:",
            "  manage.py prepare              makes its schema, role and table",
            f"  pytest tests/apps/{new.name}",
            f"  manage.py up                   serves /api/{new.name}/items",
            "  manage.py contracts            writes down what it promises",
            "  manage.py modules --write      puts it on the map",
            *(
                ["Until it calls what it requires, `manage.py verify` names that as unused."]
                if new.requires
                else []
            ),
        )

    def _print(self, *lines: str) -> None:
        self.console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _with_entry(project: Path, name: str) -> str:
    try:
        return with_module(_read(project / MODULE_LIST), name, line_length=_line_length(project))
    except (UnexpectedForm, OSError) as error:
        hint = [
            f"Nothing was made: {MODULE_LIST} cannot be added to, because {error}.",
            "Make that right, or run this again with --unlisted and add by hand:",
            *_by_hand(name),
        ]
        raise CommandError("\n".join(hint)) from error


def _by_hand(name: str) -> list[str]:
    return [f"  {import_line(name)}", f"  and {name} to {LIST_NAME}"]


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:  # line ends as they are
        return file.read()


def _line_length(project: Path) -> int:
    try:
        configured = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
        return int(configured["tool"]["ruff"]["line-length"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError):
        return DEFAULT_LINE_LENGTH
