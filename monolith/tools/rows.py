"""Statements on the tables of tools, which are the platform's; the SQL is in `queries`."""

from importlib.resources import files
from typing import Any, Final

from django.db import connections

from monolith.context import entering
from monolith.module import PLATFORM

_QUERIES: Final = files("monolith.tools") / "queries"


def statement(name: str) -> str:
    """Return the text of a query by the name of its file."""
    return (_QUERIES / f"{name}.sql").read_text()


def fetch(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Execute a statement as the platform; return its rows."""
    with entering(PLATFORM), connections["default"].cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
