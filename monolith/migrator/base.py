"""Django's entry point to the engine (`ENGINE = "monolith.migrator"`)."""

from typing import Any

from django_pgschemas.postgresql.base import DatabaseWrapper as SchemaDatabaseWrapper
from django_pgschemas.schema import get_current_schema
from psycopg.sql import SQL, Identifier

from monolith.composition import composed
from monolith.environment import connection_parameters
from monolith.postgresql.cursors import TenantCursor


class DatabaseWrapper(SchemaDatabaseWrapper):
    """Logs in as `<module>_migrator` and runs as `<module>_owner` while that module's schema is active.

    That login may become no other owner, so a migration that changes its role finds nothing to change to.
    """

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        if schema := _active_schema():
            composition = composed()
            module = composition.declared.get(schema)
            if module is not None and module.tenant_tables:  # for data migrations: owners are held too
                parameters["cursor_factory"] = TenantCursor
            parameters["user"] = composition.roles.module_migrator(schema)
            if address := composition.addresses.get(schema):
                parameters |= connection_parameters(address)
        return parameters

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if not (schema := _active_schema()):
            return
        with self.connection.cursor() as cursor:
            cursor.execute(SQL("SET ROLE {}").format(Identifier(composed().roles.owner(schema))))


def _active_schema() -> str:
    schema = str(get_current_schema().schema_name)
    return "" if schema == "public" else schema  # django-pgschemas' word for "none active"
