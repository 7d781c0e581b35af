"""What `manage.py` does before Django does: settings, embedded servers, the current module."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from monolith.errors import MonolithError

MIGRATOR_COMMANDS: Final = frozenset(
    {
        "audit",
        "contracts",
        "down",
        "makemigrations",
        "migrate_schemas",
        "modules",
        "prepare",
        "provision",
        "showmigrations",
        "sqlmigrate",
        "startmodule",
        "up",
        "verify",
    }
)
# These neither need a database nor wait for one.
OFFLINE_COMMANDS: Final = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "contracts",
        "diffsettings",
        "down",
        "findstatic",
        "help",
        "makemessages",
        "makemigrations",
        "modules",
        "sendtestemail",
        "startapp",
        "startmodule",
        "startproject",
        "test",
        "up",
        "verify",  # starts it where it looks at grants
        "version",
    }
)
BROKER_COMMANDS: Final = frozenset({"events", "qcluster"})
# A project that does not load is among what these report, so they load it themselves.
LOADING_COMMANDS: Final = frozenset({"verify"})


def execute(argv: Sequence[str], *, project: Path) -> None:
    """Run a management command of the project at `project`.

    Picks `settings.migrator` for commands that change schemas and `settings.private` otherwise, unless
    --settings or DJANGO_SETTINGS_MODULE says more; starts the embedded database when the command needs one
    and no DATABASE_URL is set, likewise the embedded broker; runs a module's own command as that module.
    """
    command = next((word for word in argv[1:2] if not word.startswith("-")), "help")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", default_settings(command))
    try:
        _run(list(argv), command, project)
    except MonolithError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)


def default_settings(command: str) -> str:
    """Return the settings module that fits `command` when none is named."""
    return "settings.migrator" if command in MIGRATOR_COMMANDS else "settings.private"


def _run(argv: list[str], command: str, project: Path) -> None:
    from django.core.management import ManagementUtility, load_command_class

    from monolith.context import entering
    from monolith.embedded import ensure_started

    if command not in OFFLINE_COMMANDS and not {"--help", "-h", "--version"} & set(argv):
        ensure_started(os.environ, project, broker=command in BROKER_COMMANDS)
    if command in LOADING_COMMANDS:
        load_command_class("monolith", command).run_from_argv(argv)
        return
    utility = ManagementUtility(argv)
    if command == "help":
        utility.execute()
        return
    settings_argument = _settings_argument(argv)
    if settings_argument:
        os.environ["DJANGO_SETTINGS_MODULE"] = settings_argument
    with entering(_owner(command)):
        utility.execute()


def _settings_argument(argv: Sequence[str]) -> str:
    for position, word in enumerate(argv):
        if word.startswith("--settings="):
            return word.removeprefix("--settings=")
        if word == "--settings" and position + 1 < len(argv):
            return argv[position + 1]
    return ""


def _owner(command: str) -> str:
    """Return the module that ships `command`; the platform for everybody else's."""
    from monolith.composition import composed
    from monolith.module import PLATFORM

    # Looked up as files: Django's own list of commands needs loaded apps, and is kept for good once asked for.
    for name, module in composed().modules.items() if command.isidentifier() else ():
        with suppress(ModuleNotFoundError):
            if importlib.util.find_spec(f"{module.django_app}.management.commands.{command}"):
                return name
    return PLATFORM
