"""A deployment of its own for each test: a fresh database, roles under a fresh prefix, two synthetic modules."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from monolith.access.audit import Audit, audit
from monolith.access.declaration import PLATFORM_MODULE, Declaration
from monolith.access.passwords import Passfile, settle_passwords
from monolith.access.provision import ensure_database, provision
from monolith.embedded import PostgresCluster
from monolith.module import DefinerFunction, Module, PublicRelation, Tier
from monolith.roles import RoleNames
from monolith.testing.database import admin_connection

ALPHA = Module(
    name="alpha",
    tier=Tier.BOTH,
    public_relations=(
        PublicRelation(name="thing"),
        PublicRelation(name="shown"),
        PublicRelation(name="partly", columns=("id", "label")),
    ),
    definer_functions=(
        DefinerFunction(signature="grow(date)"),
        DefinerFunction(signature="look(integer,text)", public=True),
    ),
    extensions=("citext",),
)
BETA = Module(name="beta", tier=Tier.PRIVATE)
# A key word as a name: PostgreSQL quotes it wherever it prints it.
ORDER = Module(name="order", tier=Tier.BOTH, public_relations=(PublicRelation(name="user"),))

TABLES_OF_ALPHA = """
CREATE TABLE alpha.thing (id serial PRIMARY KEY, label extensions.citext);
CREATE TABLE alpha.partly (id integer GENERATED ALWAYS AS IDENTITY, label text, secret text);
CREATE VIEW alpha.shown WITH (security_barrier) AS SELECT id, label FROM alpha.partly WHERE id < 10;
CREATE TABLE alpha.django_migrations (id serial);
CREATE TABLE alpha.track (day date) PARTITION BY RANGE (day);
CREATE TABLE alpha.track_1 PARTITION OF alpha.track FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE FUNCTION alpha.grow(day date) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = alpha, pg_temp AS 'SELECT';
CREATE FUNCTION alpha.look(a integer, b text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = alpha, extensions, pg_temp AS 'SELECT count(*) FROM alpha.partly';
CREATE FUNCTION alpha.plain() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TYPE alpha.mood AS ENUM ('calm', 'wild');
INSERT INTO alpha.thing (label) VALUES ('one'), ('two');
INSERT INTO alpha.partly (label, secret) VALUES ('seen', 'hidden');
"""
TABLES_OF_BETA = """
CREATE TABLE beta.secret (id serial PRIMARY KEY, text text);
INSERT INTO beta.secret (text) VALUES ('private');
"""
TABLES_OF_ORDER = 'CREATE TABLE "order"."user" (id integer);'


@dataclass(frozen=True, slots=True)
class Deployment:
    """One database with its declaration, and the ways into it."""

    cluster: PostgresCluster
    declaration: Declaration
    admin: psycopg.Connection[Any]  # the superuser, in autocommit
    passfile: Path

    @property
    def prefix(self) -> str:
        return self.declaration.roles.prefix

    def provision(self) -> int:
        """Provision with passwords; return how many statements it took."""
        passfiles = [Passfile(self.passfile, self.declaration.login_roles)]
        return provision(
            self.admin, self.declaration, also=lambda inside: settle_passwords(inside, passfiles)
        ).total()

    def audit(self) -> Audit:
        with self.login(self.declaration.roles.migrator) as connection:
            return audit(connection, self.declaration)

    def findings(self) -> list[str]:
        return [str(finding) for finding in self.audit().findings]

    def login(self, role: str) -> psycopg.Connection[Any]:
        """Connect as a role of this deployment, by its password."""
        url = self.cluster.url(self.declaration.database)
        return psycopg.connect(url, user=role, passfile=str(self.passfile))

    def run(self, text: str) -> None:
        """Run statements as the superuser; `{p}` stands for the role prefix, `{db}` for the database."""
        self.admin.execute(text.format(p=self.prefix, db=self.declaration.database).encode())

    def run_as_owner(self, module: str, text: str) -> None:
        with self.admin.transaction():
            self.admin.execute(
                SQL("SET LOCAL ROLE {}").format(Identifier(self.declaration.roles.owner(module)))
            )
            self.admin.execute(text.encode())

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what the test data holds, to see that it is still there."""
        text = (
            "SELECT (SELECT count(*) FROM alpha.thing), (SELECT count(*) FROM alpha.partly),"
            " (SELECT count(*) FROM beta.secret)"
        )
        return self.admin.execute(text).fetchall()


def declaration(name: str, *modules: Module) -> Declaration:
    return Declaration(database=name, roles=RoleNames(f"{name}_"), modules=(PLATFORM_MODULE, *modules))


def empty_deployment(cluster: PostgresCluster, directory: Path) -> Iterator[Deployment]:
    name = f"t{uuid4().hex[:8]}"
    with admin_connection(cluster) as server:
        ensure_database(server, name)
    with admin_connection(cluster, name) as admin:
        yield Deployment(cluster, declaration(name, ALPHA, BETA, ORDER), admin, directory / "roles.pgpass")
    with admin_connection(cluster) as server:
        server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
        roles = server.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [f"{name}_"])
        # At once: who granted a membership cannot be dropped before it.
        names = SQL(", ").join([Identifier(role) for (role,) in roles.fetchall()])
        if names.as_string():
            server.execute(SQL("DROP ROLE {}").format(names))


@pytest.fixture
def bare(cluster: PostgresCluster, tmp_path: Path) -> Iterator[Deployment]:
    """A database that nothing was done to."""
    yield from empty_deployment(cluster, tmp_path)


@pytest.fixture
def deployment(bare: Deployment) -> Deployment:
    """A provisioned deployment whose modules have tables and rows."""
    bare.provision()
    bare.run_as_owner("alpha", TABLES_OF_ALPHA)
    bare.run_as_owner("beta", TABLES_OF_BETA)
    bare.run_as_owner("order", TABLES_OF_ORDER)
    bare.provision()
    return bare
