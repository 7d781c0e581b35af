"""What the catalogs of one database say, read in one go."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from monolith.access.declaration import EXTENSIONS, Declaration
from monolith.access.facts import (
    DefaultPrivilege,
    Definer,
    Extension,
    Fact,
    Facts,
    ForeignKey,
    Inheritance,
    Kind,
    LeakyView,
    LooseReference,
    Membership,
    Ownership,
    Policy,
    Privilege,
    Role,
    RoleAttribute,
    RoleSetting,
    RowSecurity,
    Schema,
    TenantCopy,
    Thing,
)

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]

SHARED_DATABASES: Final = ("postgres", "template1")
"""Databases of every server, which PostgreSQL lets any role connect to and fill with temporary tables."""
LOCK_FUNCTION: Final = Thing(Kind.FUNCTION, "pg_advisory_xact_lock", "pg_catalog", "bigint")
"""The one advisory lock that we use ourselves: it ends with its transaction."""

# Argument types as PostgreSQL 18 has them. Advisory locks are guessable numbers that anybody may take and never give
# back, and they fill a table that the whole server shares (unlocking is harmless). Any role may end its own sessions.
CLOSED_FUNCTIONS: Final = (
    ("lo_creat", "integer"),
    ("lo_create", "oid"),
    ("lo_from_bytea", "oid, bytea"),
    ("pg_logical_emit_message", "boolean, text, bytea, boolean"),
    ("pg_logical_emit_message", "boolean, text, text, boolean"),
    ("pg_cancel_backend", "integer"),
    ("pg_terminate_backend", "integer, bigint"),
    *(
        (f"pg_{attempt}advisory_{scope}lock{mode}", arguments)
        for attempt in ("", "try_")
        for scope in ("", "xact_")
        for mode in ("", "_shared")
        for arguments in ("bigint", "integer, integer")
    ),
)
"""Functions of pg_catalog that PostgreSQL opens to all, by which any role could write, or stop others."""
CLOSED_NAMES: Final = tuple(sorted({name for name, _ in CLOSED_FUNCTIONS}))

ATTRIBUTES: Final = ("login", "superuser", "createdb", "createrole", "replication", "bypassrls", "inherit")


_QUOTED: Final = re.compile(r'^"([a-z_][a-z0-9_]*)"$')


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or sequence in a module's schema."""

    schema: str
    name: str
    kind: str  # pg_class.relkind
    columns: tuple[str, ...] = ()
    is_partition: bool = False

    @property
    def thing(self) -> Thing:
        return Thing(Kind.SEQUENCE if self.kind == "S" else Kind.TABLE, self.name, self.schema)


@dataclass(frozen=True, slots=True)
class Function:
    """A function in a module's schema, or a SECURITY DEFINER function anywhere."""

    thing: Thing
    definer: bool
    search_path: str


@dataclass(frozen=True, slots=True)
class Owned:
    """An object with its place and owner."""

    type: str
    identity: str
    schema: str  # the module's schema it stands in; empty elsewhere
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What exists, and every fact about powers in it."""

    roles: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()  # roles of modules that are no longer declared
    relations: tuple[Relation, ...] = ()
    functions: tuple[Function, ...] = ()
    owned: tuple[Owned, ...] = ()
    facts: Facts = frozenset()


EMPTY_SERVER: Final = Catalog()


@cache
def query(name: str) -> str:
    """Return the text of a query of this package by its file's name."""
    return files("monolith.access").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")


def read_catalog(connection: Connection, declaration: Declaration) -> Catalog:
    """Read what exists and who may do what with it. Any role may: the catalogs are open to all."""
    reader = _Reader(connection, declaration)
    relations, functions, owned = reader.relations(), reader.functions(), reader.owned()
    roles = frozenset(row[0] for row in reader.rows("roles"))
    return Catalog(
        roles=roles,
        retired=reader.retired,
        relations=relations,
        functions=functions,
        owned=owned,
        facts=frozenset(
            [
                *(Role(name) for name in roles if name not in declaration.elsewhere_roles),
                *reader.role_attributes(),
                *(Schema(row[0]) for row in reader.rows("schemas")),
                *(Extension(*row) for row in reader.rows("extensions")),
                *(Membership(*row) for row in reader.rows("memberships")),
                *reader.settings(),
                *(Ownership(item.type, item.identity, item.owner) for item in owned),
                *reader.inheritance(),
                *reader.foreign_keys(),
                *reader.tenant_leaks(),
                *reader.default_privileges(),
                *relation_facts(reader, functions),
            ]
        )
        - {Role(name) for name in reader.retired},
    )


def read_schema(connection: Connection, declaration: Declaration) -> Catalog:
    """Read only what the owner of the declared schemas may change in them: relations, functions, views."""
    # A server's functions are thousands; reading all of them after each migration is most of what migrating takes.
    reader = _Reader(connection, declaration, within=declaration.schemas)
    functions = reader.functions()
    inside = set(declaration.schemas)
    return Catalog(
        relations=reader.relations(),
        functions=functions,
        facts=frozenset(fact for fact in relation_facts(reader, functions) if schema_of(fact) in inside),
    )


def schema_of(fact: object) -> str:
    """Return the schema of the relation or function that a fact is about; empty for other facts."""
    match fact:
        case Privilege(thing=thing) | Definer(function=thing):
            return thing.schema
        case RowSecurity(table=table) | Policy(table=table):
            return table.schema
        case LeakyView(schema=schema):
            return schema
    return ""


def relation_facts(reader: "_Reader", functions: tuple[Function, ...]) -> Iterator[Fact]:
    """Yield the facts about relations and functions."""
    yield from reader.privileges()
    yield from reader.row_security()
    yield from reader.policies()
    public = {(schema, relation.name) for schema, relation in reader.declaration.public_relations()}
    yield from (LeakyView(*row) for row in reader.rows("leaky_views") if tuple(row) in public)
    yield from (Definer(function.thing, function.search_path) for function in functions if function.definer)


def _plain(search_path: str) -> str:
    # PostgreSQL quotes names that are also key words: "order", extensions.
    return ", ".join(_QUOTED.sub(r"\1", part) for part in search_path.split(", "))


class _Reader:
    def __init__(
        self, connection: Connection, declaration: Declaration, *, within: Sequence[str] | None = None
    ) -> None:
        self.cursor = connection.cursor(row_factory=tuple_row)
        self.declaration = declaration
        roles = declaration.roles
        self.parameters: dict[str, Any] = {
            "prefix": roles.prefix,
            "modules": list(declaration.module_names),
            "schemas": list(declaration.schemas),
            "within": None if within is None else list(within),
            "managed": [*declaration.schemas, EXTENSIONS],
            "extensions": list(declaration.extensions),
            "closed": list(CLOSED_NAMES),
            "shared": list(SHARED_DATABASES),
            "owners": list(declaration.owners),
            "tenant_tables": [f"{schema}.{table}" for schema, table in declaration.tenant_tables],
            "public": [f"{schema}.{relation.name}" for schema, relation in declaration.public_relations()],
        }
        self.retired = frozenset(row[0] for row in self.rows("retired"))
        self.parameters["roles"] = [
            *declaration.owners,
            *declaration.login_roles,
            *declaration.elsewhere_roles,
            *self.retired,
        ]
        # The owner of a removed module keeps the module's data; nothing else keeps anything.
        self.parameters["holders"] = [
            *declaration.owners,
            *declaration.login_roles,
            *(role for role in self.retired if not role.endswith("_owner")),
        ]

    def rows(self, name: str) -> list[Row]:
        return self.cursor.execute(query(name).encode(), self.parameters).fetchall()

    def relations(self) -> tuple[Relation, ...]:
        return tuple(
            Relation(s, n, kind, tuple(columns), part) for s, n, kind, columns, part in self.rows("relations")
        )

    def functions(self) -> tuple[Function, ...]:
        return tuple(
            Function(Thing(Kind.FUNCTION, name, schema, arguments), definer, _plain(path))
            for schema, name, arguments, definer, path in self.rows("functions")
        )

    def owned(self) -> tuple[Owned, ...]:
        return tuple(Owned(*row) for row in self.rows("owned"))

    def role_attributes(self) -> Iterator[RoleAttribute]:
        for name, *flags, limit in self.rows("roles"):
            if name in self.declaration.elsewhere_roles:
                continue
            for attribute, value in zip(ATTRIBUTES, flags, strict=True):
                yield RoleAttribute(name, attribute, "yes" if value else "no")
            if name not in self.retired:
                yield RoleAttribute(name, "connection limit", str(limit))

    def settings(self) -> Iterator[RoleSetting]:
        for role, database, name, value in self.rows("settings"):
            if not database and role in self.declaration.elsewhere_roles:
                continue  # declared, and looked at, with the database that the role is for
            yield RoleSetting(role, database, name, _plain(value) if name == "search_path" else value)

    def inheritance(self) -> Iterator[Inheritance]:
        for parent_schema, parent, child_schema, child, partition in self.rows("inheritance"):
            things = Thing(Kind.TABLE, parent, parent_schema), Thing(Kind.TABLE, child, child_schema)
            yield Inheritance(*things, partition)

    def foreign_keys(self) -> Iterator[ForeignKey]:
        for name, schema, table, target_schema, target in self.rows("foreign_keys"):
            things = Thing(Kind.TABLE, table, schema), Thing(Kind.TABLE, target, target_schema)
            yield ForeignKey(name, *things)

    def row_security(self) -> Iterator[RowSecurity]:
        for schema, name, enabled, forced in self.rows("row_security"):
            yield RowSecurity(Thing(Kind.TABLE, name, schema), enabled, forced)

    def policies(self) -> Iterator[Policy]:
        for schema, table, name, permissive, command, roles, using, check in self.rows("policies"):
            yield Policy(
                Thing(Kind.TABLE, table, schema), name, permissive, command, tuple(roles), using, check
            )

    def tenant_leaks(self) -> Iterator[LooseReference | TenantCopy]:
        for name, schema, table, target_schema, target in self.rows("loose_references"):
            things = Thing(Kind.TABLE, table, schema), Thing(Kind.TABLE, target, target_schema)
            yield LooseReference(name, *things)
        for view_schema, view, schema, table in self.rows("tenant_copies"):
            yield TenantCopy(Thing(Kind.TABLE, view, view_schema), Thing(Kind.TABLE, table, schema))

    def default_privileges(self) -> Iterator[DefaultPrivilege]:
        for owner, schema, kind, grantee, privilege, grantable in self.rows("default_privileges"):
            yield DefaultPrivilege(owner, schema, Kind(kind), grantee, privilege, grantable)

    def privileges(self) -> Iterator[Privilege]:
        for kind, schema, name, arguments, column, grantee, privilege, grantable in self.rows("privileges"):
            thing = Thing(Kind(kind), name, schema, arguments)
            yield Privilege(thing, grantee, privilege, column, grantable)
