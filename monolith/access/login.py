"""Logging in as the deployment's roles."""

import os
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from monolith.access.catalog import Connection
from monolith.access.declaration import Declaration
from monolith.composition import composed
from monolith.embedded import PostgresCluster, embedded_database
from monolith.environment import connection_parameters


def embedded_server() -> PostgresCluster | None:
    """Return the project's embedded server; None when the environment names another."""
    return embedded_database(os.environ, Path(getattr(settings, "BASE_DIR", ".")))


class Login:
    """Opens connections to one database, each with the passfile of the profile that uses the role."""

    def __init__(self, url: str, declaration: Declaration, passfile: Path | None = None) -> None:
        self.parameters: dict[str, Any] = dict(connection_parameters(url))
        self.declaration = declaration
        self.passfile = passfile

    def __call__(self, role: str) -> Connection:
        parameters = dict(self.parameters)
        if passfile := self.passfile or self._passfile(role):
            parameters["passfile"] = str(passfile)
        return psycopg.connect(**parameters, user=role, application_name="monolith audit", connect_timeout=10)

    def _passfile(self, role: str) -> Path | None:
        if cluster := embedded_server():
            roles = self.declaration.roles
            migrators = dict.fromkeys((roles.migrator, *self.declaration.module_migrators), "migrator")
            profile = (migrators | {roles.public_reader: "public"}).get(role, "private")
            return cluster.passfile(profile)
        known = composed().environment.passfile
        return Path(known) if known else None
