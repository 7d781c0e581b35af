"""SQL that stands in files of its own, and how it runs."""

from functools import cache
from importlib.resources import files
from typing import Any

from apps.agent.queries import tenant
from monolith import connection


def run(statement: str, /, **values: Any) -> list[tuple[Any, ...]]:
    """Run the statement of a file for the acting tenant and return its rows. Raises NoTenantError."""
    with connection().cursor() as cursor:
        cursor.execute(_text(statement), {"tenant": tenant(), **values})
        return list(cursor.fetchall())


@cache
def _text(name: str) -> str:
    return files("apps.agent").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
