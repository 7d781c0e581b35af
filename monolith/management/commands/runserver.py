"""`manage.py runserver`: Django's development server for one tier, on a machine where nothing was set up."""

import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as StaticFilesCommand
from django.core.management.base import CommandError, CommandParser
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.errors import MonolithError
from monolith.profile import Profile
from monolith.project import project_data_directory, project_directory
from monolith.serving.environments import child_environment
from monolith.serving.exit_codes import REFUSED
from monolith.serving.granian_server import PORTS, serving_profile
from monolith.serving.preparation import PreparationFile
from monolith.tier_check import check_tier


class Command(StaticFilesCommand):
    help = (
        f"{StaticFilesCommand.help} Without DATABASE_URL the embedded database is prepared first if it was not yet, or "
        "if migrations or declarations changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(use_static_handler=settings.DEBUG)

    def handle(self, *args: Any, **options: Any) -> str | None:
        self.default_port = str(PORTS[serving_profile()])
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true" and not os.environ.get("DATABASE_URL"):
            _prepare_if_needed()
        return super().handle(*args, **options)

    def inner_run(self, *args: Any, **options: Any) -> None:
        try:
            check_tier()
        except MonolithError as error:
            self.stderr.write(str(error))
            self.stderr.flush()
            os._exit(REFUSED)  # sys.exit would end the reloader's thread only
        super().inner_run(*args, **options)

    def check_migrations(self) -> None:
        """Leave it to `prepare`: no serving role sees every schema's migrations."""


def _prepare_if_needed() -> None:
    project, directory = project_directory(), project_data_directory()
    declared = list(composed().declared.values())
    if PreparationFile(PostgresCluster(directory)).is_current(declared):
        return
    environment = child_environment(Profile.MIGRATOR, os.environ, declared, directory=directory)
    command = [sys.executable, str(project / "manage.py"), "prepare"]
    if subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        raise CommandError(
            "The embedded database could not be prepared; the lines above say why. "
            "Mend that and run `manage.py prepare`, or set DATABASE_URL."
        )
