"""Data migrations over the rows of all tenants."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from psycopg.sql import SQL, Identifier

from monolith.tenancy.errors import TenantError
from monolith.tenancy.operations import query


@contextmanager
def all_tenants(schema_editor: BaseDatabaseSchemaEditor, *tables: str) -> Iterator[None]:
    """Let the block of a RunPython operation see and write the rows of all tenants in `tables`.

    It holds for the migration's own transaction: serving roles stay held. Raises TenantError in a migration that is not
    atomic.
    """
    if not schema_editor.connection.in_atomic_block:
        raise TenantError(
            f"all_tenants({', '.join(tables)}) needs a transaction, so that an error leaves the tables held. "
            f"Leave `atomic` of the migration and of RunPython as it is."
        )
    _alter(schema_editor, "let_owner_in", tables)
    yield
    _alter(schema_editor, "hold_owner", tables)


def _alter(schema_editor: BaseDatabaseSchemaEditor, name: str, tables: tuple[str, ...]) -> None:
    for table in tables:
        schema_editor.execute(SQL(query(name)).format(table=Identifier(table)).as_string(), params=None)
