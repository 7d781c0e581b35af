"""`manage.py audit`: who may do what, expected against actual, from the catalogs."""

import json
import os
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.access.audit import Audit, audit
from monolith.access.declaration import declarations
from monolith.access.findings import Finding
from monolith.access.login import Login
from monolith.access.matrix import matrix, matrix_table
from monolith.access.probe import ProbeResult, probe
from monolith.composition import composed
from monolith.environment import module_urls


class Command(RichCommand):
    help = "Compare roles, grants and ownership in the database with what the modules declare; exit 1 on any drift."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document for programs")
        parser.add_argument(
            "--probe",
            action="store_true",
            help="also log in as every role and try every forbidden statement; everything is rolled back",
        )
        parser.add_argument(
            "--passfile",
            type=Path,
            metavar="PATH",
            help="a libpq passfile with every login role, for --probe outside the embedded server",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        composition = composed()
        placed = declarations(
            tuple(composition.declared.values()), composition.environment, module_urls(os.environ)
        )
        audits, probes = [], []
        for url, declaration in placed:
            login = Login(url, declaration, options["passfile"])
            try:
                with login(composition.roles.migrator) as connection:
                    audits.append(audit(connection, declaration))
                if options["probe"]:
                    probes.append(probe(audits[-1], login))
            except psycopg.OperationalError as error:
                raise CommandError(
                    f"cannot log in to {declaration.database!r}: {error}Run `manage.py provision`; for --probe outside "
                    f"the embedded server name a passfile with every login role: --passfile PATH."
                ) from None
        found = [finding for each in audits for finding in each.findings]
        found += [finding for each in probes for finding in each.findings]
        if options["json"]:
            self.stdout.write(_document(audits, probes, found))
        else:
            self._print(audits, probes, found)
        if found:
            raise SystemExit(1)

    def _print(self, audits: list[Audit], probes: list[ProbeResult], found: list[Finding]) -> None:
        for each in audits:
            rows = matrix(each.declaration, each.catalog, each.expected)
            self.console.print(f"[bold]{each.declaration.database}[/bold]")
            self.console.print(matrix_table(each.declaration, rows))
            self.console.print(f"{len(each.expected)} facts expected, {len(each.catalog.facts)} found.")
        if probes:
            self.console.print(f"{sum(each.tried for each in probes)} statements tried, as every role.")
        for finding in found:
            self.console.print("[bold red]✗[/bold red] ", end="")
            self.console.print(str(finding), highlight=False, markup=False, soft_wrap=True)
        if not found:
            self.console.print("[bold green]✓[/bold green] Nothing differs from what is declared.")


def _document(audits: list[Audit], probes: list[ProbeResult], found: list[Finding]) -> str:
    relations = [
        {
            "database": each.declaration.database,
            "schema": row.relation.schema,
            "relation": row.relation.name,
            "roles": {role: asdict(cell) for role, cell in row.cells.items()},
        }
        for each in audits
        for row in matrix(each.declaration, each.catalog, each.expected)
    ]
    return json.dumps(
        {
            "clean": not found,
            "findings": [asdict(finding) for finding in found],
            "relations": relations,
            "probed": sum(each.tried for each in probes),
        },
        indent=2,
    )
