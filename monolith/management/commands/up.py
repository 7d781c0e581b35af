"""`manage.py up`: everything, with one command."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django_rich.management import RichCommand
from rich.table import Table

from monolith.composition import composed
from monolith.environment import listed
from monolith.profile import Profile
from monolith.project import project_directory
from monolith.serving.granian_server import PORTS
from monolith.serving.split import require_splittable
from monolith.serving.system import HOST, System, Wanted


class Command(RichCommand):
    help = (
        "Start database and broker, prepare, serve the public and the private tier, run the jobs, and show all logs "
        "until Ctrl-C. Crashed processes start again; a second Ctrl-C kills. The data stays."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        for profile, port in PORTS.items():
            parser.add_argument(
                f"--{profile.value}-port",
                type=int,
                default=port,
                help=f"port of the {profile.value} tier ({port})",
            )
        parser.add_argument(
            "--split",
            default="",
            metavar="A,B",
            help="give these modules private processes of their own, on the ports after the private tier's",
        )
        parser.add_argument(
            "--workers",
            type=int,
            metavar="N",
            help="processes that run jobs, for each private process; 0 for none (default: one per core, two at least)",
        )
        parser.add_argument("--reload", action="store_true", help="restart the servers when a file changes")
        parser.add_argument("--no-samples", action="store_true", help="load no sample data")
        parser.add_argument(
            "--check",
            action="store_true",
            help="do all of it on free ports with a throw-away database, exercise both tiers, and end; exits 0 or 1",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            from monolith.serving.check_run import check

            sys.exit(check(project=project_directory(), composition=composed(), console=self.console))
        alone = listed(options["split"])
        require_splittable(alone, composed())
        system = System(
            Wanted(
                ports={profile: options[f"{profile.value}_port"] for profile in PORTS},
                split={name: options["private_port"] + n for n, name in enumerate(alone, 1)},
                workers=options["workers"],
                reload=options["reload"],
                samples=not options["no_samples"],
            ),
            environ=os.environ,
            project=project_directory(),
            composition=composed(),
            console=self.console,
        )
        try:
            code = system.run(lambda: self._show(system))
        except KeyboardInterrupt:
            code = 130
        self.console.print("Everything is stopped; the data stays.")
        sys.exit(code)

    def _show(self, system: System) -> None:
        table = Table(title=f"Up in {system.timings.total_s:.1f} s", title_justify="left")
        for name in ("what", "where", "who"):
            table.add_column(name, overflow="fold")
        roles = system.composition.roles
        who = {
            Profile.PUBLIC: f"anonymous, as {roles.public_reader}",
            Profile.PRIVATE: f"staff, as {roles.platform_rw} and one role per module",
        }
        for spec in system.servers:
            if spec.name in system.wanted.split:
                own = f"{roles.platform_rw} and {roles.rw(spec.name)}"
                table.add_row(spec.name, f"{spec.origin}/", f"staff, as {own}: {spec.name}")
                continue
            profile = Profile(spec.name)
            modules = ", ".join(_names(system, profile))
            table.add_row(f"{spec.name} tier", f"{spec.origin}/", f"{who[profile]}: {modules}")
        table.add_row("admin", f"{_address(system, Profile.PRIVATE)}/admin/", "admin, see below")
        for spec in system.specs:
            if spec not in system.servers:
                table.add_row(spec.name, "manage.py jobs", "workers; the roles of their modules")
        table.add_row("PostgreSQL", _database(system), "embedded" if system.cluster else "yours")
        table.add_row("broker", _broker(system), "embedded NATS" if system.broker else "yours")
        self.console.print(table, highlight=False)
        self.console.print(f"Admin login: {_login(system)}", highlight=False, soft_wrap=True, markup=False)
        if system.embedded:
            self.console.print(f"Data: {system.directory}", highlight=False, soft_wrap=True, markup=False)


def _address(system: System, profile: Profile) -> str:
    return f"http://{HOST}:{system.wanted.ports[profile]}"


def _database(system: System) -> str:
    return system.cluster.url() if system.cluster else system.composition.environment.database_url


def _broker(system: System) -> str:
    return system.broker.address if system.broker else system.composition.environment.broker_url


def _login(system: System) -> str:
    if system.is_first_start:
        user, password = system.admin_file.read_text(encoding="utf-8").splitlines()
        return f"{user} / {password} (shown this once, kept in {system.admin_file})"
    if system.admin_file.exists():
        return f"user and password are in {system.admin_file}"
    return "an account of this database; `manage.py admin_login --reset` makes one"


def _names(system: System, profile: Profile) -> list[str]:
    away = system.wanted.split if profile is Profile.PRIVATE else {}
    return [
        name for name, m in system.composition.modules.items() if profile.includes(m) and name not in away
    ]
