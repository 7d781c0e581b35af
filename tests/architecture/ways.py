"""Every known way from one Django app into another. Each is a function that must not get there.

A way takes a model of the module it reaches for, and runs as another module. Run as a script
(`python -m tests.architecture.ways`) it tries them all in the process that DJANGO_SETTINGS_MODULE describes and
prints one JSON line per attempt.
"""

import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import connections, models

from monolith import composed, entering
from monolith import connection as own_connection

Way = Callable[[type[models.Model]], Any]
WAYS: Final[dict[str, Way]] = {}


def way(function: Way) -> Way:
    WAYS[function.__name__] = function
    return function


def alias_of(model: type[models.Model]) -> str:
    return composed().alias_of(model._meta.app_label)


def table(model: type[models.Model]) -> str:
    return model._meta.db_table


def qualified(model: type[models.Model]) -> str:
    return f'"{model._meta.app_label}"."{table(model)}"'


def column(model: type[models.Model]) -> "models.Field[Any, Any]":
    return next(field for field in model._meta.concrete_fields if not field.primary_key)


def own_cursor(statement: str) -> Any:
    with own_connection().cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else cursor.rowcount


# The ORM, with a model got hold of in every way there is.


@way
def select(model: type[models.Model]) -> Any:
    return list(model._default_manager.all()[:1])


@way
def insert(model: type[models.Model]) -> Any:
    return model().save(force_insert=True)


@way
def update(model: type[models.Model]) -> Any:
    return model._default_manager.update(**{column(model).attname: models.F(column(model).attname)})


@way
def delete(model: type[models.Model]) -> Any:
    return model._default_manager.all().delete()


@way
def bulk_create(model: type[models.Model]) -> Any:
    return model._default_manager.bulk_create([model()])


@way
def orm_import(model: type[models.Model]) -> Any:
    module = __import__(model.__module__, fromlist=[model.__name__])
    return getattr(module, model.__name__)._default_manager.count()


@way
def import_by_string(model: type[models.Model]) -> Any:
    return getattr(importlib.import_module(model.__module__), model.__name__)._default_manager.exists()


@way
def get_model(model: type[models.Model]) -> Any:
    return apps.get_model(model._meta.label)._default_manager.first()


@way
def base_manager(model: type[models.Model]) -> Any:
    return model._base_manager.count()


@way
def refresh_instance(model: type[models.Model]) -> Any:
    return model(pk=1).refresh_from_db()


@way
def using_its_alias(model: type[models.Model]) -> Any:
    return list(model._default_manager.using(alias_of(model))[:1])


@way
def using_own_alias(model: type[models.Model]) -> Any:
    return list(model._default_manager.using(own_connection().alias)[:1])


@way
def save_using_its_alias(model: type[models.Model]) -> Any:
    return model().save(using=alias_of(model), force_insert=True)


@way
def raw_query_set(model: type[models.Model]) -> Any:
    return list(model._default_manager.raw(f"SELECT * FROM {table(model)}"))


@way
def subquery(model: type[models.Model]) -> Any:
    own = own_model()
    inner = model._default_manager.order_by().values("pk")
    return list(own._default_manager.annotate(other=models.Subquery(inner[:1]))[:1])


@way
def content_type(model: type[models.Model]) -> Any:
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType(app_label=model._meta.app_label, model=model._meta.model_name or "")
    kind._state.db = alias_of(model)
    return kind.get_all_objects_for_this_type().count()


@way
def unmanaged_twin(model: type[models.Model]) -> Any:
    return twin_of(model, table(model))._default_manager.count()


@way
def unmanaged_twin_naming_the_schema(model: type[models.Model]) -> Any:
    return twin_of(model, f'{model._meta.app_label}"."{table(model)}')._default_manager.count()


@way
def reverse_relation(model: type[models.Model]) -> Any:
    # What Django makes of `related_name`: a manager bound to an instance of this module.
    own = own_model()()
    own._state.db = own_connection().alias
    manager = model._default_manager.db_manager(hints={"instance": own})
    return manager.count()


def own_model() -> type[models.Model]:
    from monolith import current_module

    return next(found for found in concrete_models(current_module()))


def concrete_models(module: str) -> Iterator[type[models.Model]]:
    return (m for m in apps.get_app_config(module).get_models() if m._meta.managed)


def twin_of(model: type[models.Model], db_table: str) -> type[models.Model]:
    from django.apps.registry import Apps

    from monolith import current_module

    meta = type(
        "Meta", (), {"managed": False, "db_table": db_table, "app_label": current_module(), "apps": Apps()}
    )
    return type("Twin", (models.Model,), {"__module__": __name__, "Meta": meta})


# Cursors.


@way
def raw_cursor_on_its_alias(model: type[models.Model]) -> Any:
    with connections[alias_of(model)].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table(model)}")
        return cursor.fetchall()


@way
def psycopg_cursor_of_its_alias(model: type[models.Model]) -> Any:
    connection = connections[alias_of(model)]
    connection.ensure_connection()
    return connection.connection.cursor().execute(f"SELECT count(*) FROM {table(model)}").fetchall()


@way
def server_side_cursor_of_its_alias(model: type[models.Model]) -> Any:
    connection = connections[alias_of(model)]
    connection.ensure_connection()
    with connection.connection.cursor("stolen") as cursor:
        cursor.execute(f"SELECT * FROM {table(model)}")
        return cursor.fetchall()


@way
def behind_a_savepoint_on_its_alias(model: type[models.Model]) -> Any:
    with connections[alias_of(model)].cursor() as cursor:
        cursor.execute(f"SAVEPOINT a; SELECT count(*) FROM {table(model)}")


@way
def behind_set_constraints_on_its_alias(model: type[models.Model]) -> Any:
    with connections[alias_of(model)].cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM {table(model)}")


@way
def copy_from_its_alias(model: type[models.Model]) -> Any:
    with (
        connections[alias_of(model)].cursor() as cursor,
        cursor.copy(f"COPY {table(model)} TO STDOUT") as copy,
    ):
        return list(copy)


@way
def in_a_new_thread(model: type[models.Model]) -> Any:
    result: list[BaseException] = []

    def read() -> None:
        try:
            select(model)
        except BaseException as error:  # noqa: BLE001 (carried to the caller)
            result.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    if result:
        raise result[0]
    return None


# Raw SQL on the module's own connection.

RAW: Final = {
    "raw_select": "SELECT count(*) FROM {table}",
    "raw_select_qualified": "SELECT count(*) FROM {qualified}",
    "raw_insert": "INSERT INTO {qualified} DEFAULT VALUES",
    "raw_update": 'UPDATE {qualified} SET "{column}" = "{column}"',
    "raw_delete": "DELETE FROM {qualified}",
    "raw_truncate": "TRUNCATE {qualified}",
    "raw_references": 'CREATE TABLE "{own}".stolen (other bigint REFERENCES {qualified})',
    "raw_join": "SELECT count(*) FROM {own_table} AS mine CROSS JOIN {qualified} AS theirs",
    "raw_lock": "LOCK TABLE {qualified} IN ACCESS SHARE MODE",
    "raw_trigger": "CREATE TRIGGER spy AFTER INSERT ON {qualified} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "raw_view": 'CREATE VIEW "{own}".spy AS SELECT * FROM {qualified}',
    "raw_drop": "DROP TABLE {qualified}",
    "raw_copy": "COPY {qualified} TO STDOUT",
    "dynamic_sql": "DO $$ BEGIN EXECUTE 'SELECT count(*) FROM {schema}.{table}'; END $$",
    "dynamic_sql_in_pieces": "DO $$ BEGIN EXECUTE 'DELETE FROM ' || '{schema}' || '.' || '{table}'; END $$",
    "query_to_xml": "SELECT query_to_xml('SELECT * FROM {schema}.{table}', true, true, '')",
    "upper_case": "SELECT count(*) FROM {upper}",
    "upper_case_qualified": "SELECT count(*) FROM {upper_schema}.{upper}",
    "after_an_escaped_quote": r"SELECT E'\'', count(*) FROM {table} WHERE '' = ''",
    "after_a_dollar_quote": "SELECT $a$'$a$, count(*) FROM {table} WHERE '' = ''",
    "escaped_name": 'SELECT count(*) FROM U&"\\{escaped}{rest}"',
    "set_search_path": "SET search_path = {schema}; SELECT count(*) FROM {table}",
    "search_path": "SELECT set_config('search_path', '{schema}', false), count(*) FROM {table}",
}


def raw(statement: str, model: type[models.Model], own: type[models.Model]) -> str:
    """Return one of RAW as a module with the model `own` would send it to reach `model`."""
    return statement.format(
        table=table(model),
        qualified=qualified(model),
        schema=model._meta.app_label,
        upper=table(model).upper(),
        upper_schema=model._meta.app_label.upper(),
        escaped=f"{ord(table(model)[0]):04x}",
        rest=table(model)[1:],
        column=column(model).column,
        own=own._meta.app_label,
        own_table=table(own),
    )


def _raw(statement: str) -> Way:
    def run(model: type[models.Model]) -> Any:
        return own_cursor(raw(statement, model, own_model()))

    return run


WAYS.update({name: _raw(statement) for name, statement in RAW.items()})


@dataclass(frozen=True)
class Attempt:
    """What came of one way from one module to another."""

    current: str
    target: str
    way: str
    error: str  # the error's class; empty when nothing stopped it
    message: str

    @property
    def refused(self) -> bool:
        if self.way == "escaped_name":  # it cannot be read, so it cannot be known whose it is
            return self.error == "BoundaryViolation" and self.names_current
        return self.error == "BoundaryViolation" and f"'{self.target}'" in self.message and self.names_current

    @property
    def names_current(self) -> bool:
        # A new thread starts as the host: there the refusal names the platform.
        current = "platform" if self.way == "in_a_new_thread" else self.current
        return f"'{current}'" in self.message


def attempt(current: str, target: str, name: str, *, model: type[models.Model] | None = None) -> Attempt:
    """Try one way as `current`, by default into the target's first model, and undo whatever it did."""
    model = model or next(concrete_models(target))
    with entering(current):
        try:
            WAYS[name](model)
        except Exception as error:  # noqa: BLE001 (any outcome is a result here)
            return Attempt(current, target, name, type(error).__name__, str(error))
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close()
    return Attempt(current, target, name, "", "")


def pairs() -> list[tuple[str, str]]:
    """Return every ordered pair of composed modules."""
    names = list(composed().modules)
    return [(current, target) for current in names for target in names if current != target]


def main() -> None:
    import django

    django.setup()
    for current, target in pairs():
        for name in WAYS:
            found = attempt(current, target, name)
            sys.stdout.write(json.dumps({**vars(found), "refused": found.refused}) + "\n")


if __name__ == "__main__":
    main()
