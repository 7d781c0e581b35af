"""What the anonymous tier's role sees of home."""

from typing import Any, Final

import psycopg
import pytest
from django.apps import apps
from psycopg import errors
from psycopg.sql import SQL, Identifier

from apps.home.module import module

PUBLIC: Final = {relation.name for relation in module.public_relations}
TABLES: Final = {model._meta.db_table for model in apps.get_app_config("home").get_models()}


@pytest.mark.parametrize("relation", sorted(PUBLIC))
def test_it_reads_snapshots_and_writes_nothing(anonymous: psycopg.Connection[Any], relation: str) -> None:
    anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(relation)))
    anonymous.execute("SET default_transaction_read_only = off")
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("DELETE FROM {}").format(Identifier(relation)))


@pytest.mark.parametrize("relation", sorted(TABLES - PUBLIC))
def test_it_does_not_read_how_anything_was_measured(
    anonymous: psycopg.Connection[Any], relation: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("SELECT 1 FROM {}").format(Identifier(relation)))


def test_snapshots_name_no_address() -> None:
    fields = {
        field.name
        for model in apps.get_app_config("home").get_models()
        if model._meta.db_table in PUBLIC
        for field in model._meta.get_fields()
    }
    assert not fields & {"origin", "path", "url", "secrets", "address"}
