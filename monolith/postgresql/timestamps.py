"""Timestamps read by psycopg alone where the connection speaks UTC.

Django reads each with psycopg and then replaces its zone, in Python. psycopg gives it the connection's zone, which
Django sets: with UTC there is nothing to replace, and of a page of rows it is a tenth of the time.
"""

from datetime import UTC
from functools import cache
from typing import Any, ClassVar

from django.db.backends.postgresql.psycopg_any import orig_tz_loader_cls
from psycopg.adapt import AdaptersMap, Loader


class UtcLoader(Loader):
    """psycopg's loader, which cannot be a base class, with what Django looks for when it makes a cursor."""

    timezone: ClassVar = UTC

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        vars(self)["load"] = orig_tz_loader_cls(oid, context).load

    def load(self, data: Any) -> Any:
        raise NotImplementedError  # each has psycopg's own, so that no Python runs for a value


@cache
def reading_utc(adapters: AdaptersMap) -> AdaptersMap:
    """Return adapters that differ in how they read timestamptz on a connection whose time zone is UTC."""
    own = AdaptersMap(adapters)
    own.register_loader("timestamptz", UtcLoader)
    return own
