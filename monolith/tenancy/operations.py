"""Migration operations by which tables hold their rows to tenants.

They change no model state: the column is a field of the model, and what it means is the table's own.
"""

from importlib.resources import files
from typing import Any, Final

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState
from psycopg.sql import SQL, Identifier

_LONGEST_NAME: Final = 63  # bytes of an identifier, and table and column names are ASCII here


def query(name: str) -> str:
    """Return the text of a query of this package by its file's name."""
    return files("monolith.tenancy").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")


class _Statements(Operation):
    """Runs one file of statements forwards, another one backwards."""

    reversible = True
    category = OperationCategory.SQL
    forwards: str
    backwards: str

    def names(self) -> list[dict[str, Identifier]]:
        """Return the names that go into the statements, once per run of them."""
        raise NotImplementedError

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models as they are."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._run(self.forwards, app_label, schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._run(self.backwards, app_label, schema_editor)

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        name, arguments, options = super().deconstruct()
        return f"{type(self).__module__}.{name}", arguments, options

    def statements(self, file: str) -> list[str]:
        """Return the SQL of one way, `forwards` or `backwards`, ready to be sent without parameters."""
        return [SQL(query(file)).format(**names).as_string() for names in self.names()]

    def _run(self, file: str, app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> None:
        if not router.allow_migrate(schema_editor.connection.alias, app_label):
            return
        for statement in self.statements(file):
            schema_editor.execute(
                statement, params=None
            )  # no parameters at all: no placeholders are looked for


class IsolateTenants(_Statements):
    """Hold every row of the named tables to its tenant: forced row-level security on their column `tenant_id`.

    `IsolateTenants("agent_call", "agent_attempt")` after the operations that make the tables. The column becomes
    `text NOT NULL` with the transaction's tenant as its default. List the same names in the module's `tenant_tables`.
    """

    forwards = "isolate"
    backwards = "join_tenants"

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def names(self) -> list[dict[str, Identifier]]:
        return [{"table": Identifier(table)} for table in self.tables]

    def describe(self) -> str:
        return f"Hold the rows of {', '.join(self.tables)} to their tenants"

    @property
    def migration_name_fragment(self) -> str:
        return f"isolate_tenants_of_{'_'.join(self.tables)}"


class SameTenant(_Statements):
    """Let a column of a tenant table refer to rows of the same tenant only: a foreign key that includes the tenant.

    `SameTenant("agent_attempt", "call_id", "agent_call")` for the field `call = ForeignKey("Call")` of Attempt, beside
    the key that Django makes, which PostgreSQL checks past row-level security. `target_column` is what it refers to.
    """

    forwards = "same_tenant"
    backwards = "any_tenant"

    def __init__(self, table: str, column: str, target: str, target_column: str = "id") -> None:
        self.table = table
        self.column = column
        self.target = target
        self.target_column = target_column

    def names(self) -> list[dict[str, Identifier]]:
        foreign_key = f"{self.table}_{self.column}_tenant"[-_LONGEST_NAME:]
        # One for each that refers, though they are alike: each can be taken back by itself.
        unique = f"{self.target}_by_{foreign_key}"[-_LONGEST_NAME:]
        return [
            {
                "table": Identifier(self.table),
                "column": Identifier(self.column),
                "target": Identifier(self.target),
                "target_column": Identifier(self.target_column),
                "foreign_key": Identifier(foreign_key),
                "unique": Identifier(unique),
            }
        ]

    def describe(self) -> str:
        return f"Let {self.table}.{self.column} refer to rows of {self.target} of the same tenant only"

    @property
    def migration_name_fragment(self) -> str:
        return f"same_tenant_{self.table}_{self.column}"
