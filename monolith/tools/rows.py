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


def let_go() -> None:
    """Give the platform's connection back, before this thread waits for something that takes long."""
    connection = connections["default"]
    if not connection.in_atomic_block:  # of a test
        connection.close()


def fetch(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Execute a statement as the platform; return its rows."""
    with entering(PLATFORM), connections["default"].cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
