"""Timestamps as the engine reads them: aware, in UTC, the instant that was stored."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.db.backends.postgresql.psycopg_any import orig_tz_loader_cls
from psycopg import adapters
from psycopg.pq import Format

from monolith import atomic, entering
from monolith.postgresql.timestamps import UtcLoader

pytestmark = pytest.mark.django_db(databases="__all__")

STORED = "2026-06-01 12:00:00.25+02"
NOON = datetime(2026, 6, 1, 10, 0, 0, 250_000, tzinfo=UTC)


def selected(sql: str) -> object:
    with connections["hikes"].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_a_timestamp_is_in_utc() -> None:
    with entering("hikes"):
        found = selected(f"SELECT '{STORED}'::timestamptz")
        assert isinstance(found, datetime)
        assert (found, found.tzinfo) == (NOON, UTC)
        assert selected("SELECT NULL::timestamptz") is None


def test_no_python_runs_for_a_timestamp() -> None:
    with entering("hikes"):
        selected("SELECT 2")
        raw = connections["hikes"].connection
        loader = raw.adapters.get_loader(adapters.types["timestamptz"].oid, Format.TEXT)
        assert loader is UtcLoader
        load: Any = loader(adapters.types["timestamptz"].oid, raw).load
        assert type(load.__self__) is orig_tz_loader_cls


def test_the_instant_is_right_where_a_transaction_has_another_zone() -> None:
    with entering("hikes"), atomic(), connections["hikes"].cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Asia/Tokyo'")
        cursor.execute(f"SELECT '{STORED}'::timestamptz")
        assert cursor.fetchone() == (NOON,)
