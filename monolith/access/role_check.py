"""What the public tier's own role could do beyond its list, asked of PostgreSQL by that role itself."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from monolith.access.catalog import CLOSED_NAMES, query
from monolith.access.declaration import HOST_MODULES, Declaration
from monolith.access.expected import declared_signatures
from monolith.composition import Composition

FIX = "run `manage.py provision`; it takes this away"


class Power(NamedTuple):
    """One thing the connected role could do."""

    power: str  # the kind of power
    privilege: str
    schema: str
    name: str
    column: str  # or a function's argument types


def role_findings(connection: psycopg.Connection[Any], composition: Composition) -> list[str]:
    """Return a sentence for every power of the connected role beyond reading what modules list as public.

    Counts powers however they are held: granted, through a membership, or open to everybody. One query, about 10 ms.
    """
    declaration = Declaration(
        database=connection.info.dbname,
        roles=composition.roles,
        modules=(*HOST_MODULES.values(), *composition.declared.values()),
    )
    parameters = {"extensions": list(declaration.extensions), "closed": list(CLOSED_NAMES)}
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(query("role_check").encode(), parameters).fetchall()
    role = connection.info.user
    allowed = _Allowed(declaration)
    excess = [power for power in map(Power._make, rows) if not allowed(power)]
    return list(dict.fromkeys(f"the role {role!r} {_said(power)}; {FIX}" for power in excess))


class _Allowed:
    """Says which powers the declaration gives to the anonymous tier."""

    def __init__(self, declaration: Declaration) -> None:
        self.columns = {
            (schema, relation.name): frozenset(relation.columns)
            for schema, relation in declaration.public_relations()
        }
        self.functions = frozenset(_public_functions(declaration))

    def __call__(self, power: Power) -> bool:
        if power.power == "readable":
            columns = self.columns.get((power.schema, power.name))
            return columns is not None and (not columns or power.column in columns)
        return power.power == "definer" and (power.schema, power.name, power.column) in self.functions


def _public_functions(declaration: Declaration) -> Iterator[tuple[str, str, str]]:
    for module in declaration.public_modules:
        for (name, arguments), public in declared_signatures(module).items():
            if public:
                yield module.name, name, arguments


def _said(power: Power) -> str:
    match power.power:
        case "attribute":
            return f"has the attribute {power.privilege}"
        case "member":
            return f"is a member of {power.name!r}"
        case "owner":
            return f"owns the {power.privilege} {power.name}"
        case "database" | "schema":
            return f"holds {power.privilege} on the {power.power} {power.name!r}"
        case "readable":
            return f"can read {power.schema}.{power.name}, column {power.column}, which no module lists as public"
        case "definer":
            return (
                f"can call {power.schema}.{power.name}({power.column}), which runs with its owner's rights "
                f"and which no module declares as public"
            )
    return f"holds {power.privilege} on {power.schema}.{power.name}"
