"""Comparing what is declared with what the catalogs say."""

from dataclasses import dataclass

from monolith.access.catalog import Catalog, Connection, read_catalog
from monolith.access.declaration import Declaration
from monolith.access.expected import expected_facts
from monolith.access.facts import Difference, Facts, difference
from monolith.access.findings import Finding, absent, findings


@dataclass(frozen=True, slots=True)
class Audit:
    """What one database holds, what it should, and every difference."""

    declaration: Declaration
    catalog: Catalog
    expected: Facts

    @property
    def difference(self) -> Difference:
        return difference(self.expected, self.catalog.facts)

    @property
    def findings(self) -> list[Finding]:
        return [*findings(self.difference), *absent(self.declaration, self.catalog)]


def audit(connection: Connection, declaration: Declaration) -> Audit:
    """Read the catalogs through any role's connection and compare. Changes nothing."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        catalog = read_catalog(connection, declaration)
    return Audit(declaration, catalog, expected_facts(declaration, catalog))
