"""Django's entry point to the engine (`ENGINE = "monolith.migrator"`)."""

from django_pgschemas.postgresql.base import DatabaseWrapper as SchemaDatabaseWrapper
from django_pgschemas.schema import get_current_schema
from psycopg.sql import SQL, Identifier

from monolith.composition import composed


class DatabaseWrapper(SchemaDatabaseWrapper):
    """Runs as `<module>_owner` on every connection opened while that module's schema is active."""

    def init_connection_state(self) -> None:
        super().init_connection_state()
        schema = get_current_schema().schema_name
        if schema == "public":  # django-pgschemas' word for "none active"
            return
        with self.connection.cursor() as cursor:
            cursor.execute(SQL("SET ROLE {}").format(Identifier(composed().roles.owner(schema))))
