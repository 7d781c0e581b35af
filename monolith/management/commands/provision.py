"""`manage.py provision`: roles, schemas and grants as declared; takes away what is not."""

import os
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from django.core.management.base import CommandError
from django_rich.management import RichCommand
from psycopg.conninfo import make_conninfo

from monolith.access.declaration import Declaration, declarations
from monolith.access.login import embedded_server
from monolith.access.passwords import Passfile, profile_passfiles, settle_passwords
from monolith.access.provision import ensure_database, provision
from monolith.access.script import script
from monolith.access.statements import Statement
from monolith.composition import Composition, composed
from monolith.environment import connection_parameters, module_urls

NO_ADMIN: Final = (
    "MONOLITH_ADMIN_URL is not set. Give provision a connection that may create roles and schemas, for example "
    "postgresql://admin@db.example:5432/postgres with its password in PGPASSFILE, or print the script for an "
    "administrator with --sql."
)


class Command(RichCommand):
    help = "Bring roles, schemas and grants to what the modules declare, and take away what they do not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--sql", action="store_true", help="print the script for psql instead of running anything"
        )
        parser.add_argument("--plan", action="store_true", help="print what would be run and change nothing")
        parser.add_argument(
            "--passfile",
            type=Path,
            metavar="PATH",
            help="keep the passwords of all login roles in this libpq passfile; missing ones are made",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        composition = composed()
        # Only here: where other modules' databases are is of no use to the migrator's own composition.
        placed = declarations(
            tuple(composition.declared.values()), composition.environment, module_urls(os.environ)
        )
        if options["sql"]:
            self.stdout.write("\n".join(script(declaration) for _, declaration in placed))
            return
        if not composition.environment.admin_url:
            raise CommandError(NO_ADMIN)
        total: Counter[str] = Counter()
        for url, declaration in placed:
            total += self._provision(composition, url, declaration, options)
        if not total:
            self.console.print("Nothing to do: roles, schemas and grants are as declared.")

    def _provision(
        self, composition: Composition, url: str, declaration: Declaration, options: Mapping[str, Any]
    ) -> Counter[str]:
        administrator = _administrator(composition, url)
        if not options["plan"]:
            with psycopg.connect(administrator, autocommit=True) as connection:
                if ensure_database(connection, declaration.database):
                    self.console.print(f"Created the database [bold]{declaration.database}[/bold].")
        passwords = 0

        def also(inside: psycopg.Connection[Any]) -> None:
            nonlocal passwords
            if not options["plan"]:
                passwords = settle_passwords(inside, _passfiles(declaration, options["passfile"]))

        with psycopg.connect(administrator, dbname=declaration.database, autocommit=True) as connection:
            progress = self._progress(options)
            done = provision(connection, declaration, progress=progress, also=also, keep=not options["plan"])
        if passwords:
            done["password"] = passwords
        if done:
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items()))
            text = f"[bold]{declaration.database}[/bold]: {done.total()} statements ({counts})"
            self.console.print(text, highlight=False)
        return done

    def _progress(self, options: Mapping[str, Any]) -> Any:
        shown = options["plan"] or options["verbosity"] > 1

        def progress(statement: Statement) -> None:
            if shown:
                self.console.print(
                    f"{statement.sql.as_string()};", highlight=False, markup=False, soft_wrap=True
                )

        return progress


def _administrator(composition: Composition, url: str) -> str:
    """Return the administrator's connection to the server at `url`: its own user and password, that server's place."""
    admin_url = composition.environment.admin_url
    if cluster := embedded_server():
        admin_url = make_conninfo(admin_url, passfile=str(cluster.passfile("admin")))
    if url == composition.environment.database_url:
        return admin_url
    place = {
        key: value for key, value in connection_parameters(url).items() if key in {"host", "port", "hostaddr"}
    }
    return make_conninfo(admin_url, **place)


def _passfiles(declaration: Declaration, chosen: Path | None) -> list[Passfile]:
    if chosen is not None:
        return [Passfile(chosen, declaration.login_roles)]
    cluster = embedded_server()
    return profile_passfiles(declaration, cluster.passfile) if cluster else []
