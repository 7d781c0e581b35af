"""What the anonymous tier's role sees of stars."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from django.apps import apps
from django.db import connections
from psycopg import errors
from psycopg.sql import SQL, Identifier

from apps.stars.module import module
from monolith import composed
from monolith.embedded import PostgresCluster

PUBLIC: Final = [relation.name for relation in module.public_relations]


@pytest.fixture
def anonymous(cluster: PostgresCluster, db: None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        cluster.url(connections["stars"].settings_dict["NAME"]),
        user=composed().roles.public_reader,
        passfile=str(cluster.passfile("public")),
        autocommit=True,
    ) as connection:
        yield connection


@pytest.mark.parametrize("relation", PUBLIC)
def test_it_reads_tables_of_public_rows_and_writes_nothing(
    anonymous: psycopg.Connection[Any], relation: str
) -> None:
    anonymous.execute(SQL("SELECT * FROM {}").format(Identifier(relation)))
    anonymous.execute("SET default_transaction_read_only = off")
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(SQL("DELETE FROM {}").format(Identifier(relation)))


def test_all_tables_but_two_are_listed() -> None:
    tables = {model._meta.db_table for model in apps.get_app_config("stars").get_models()}
    assert tables - set(PUBLIC) == {"stars_siteforecast", "stars_toldnight"}


@pytest.mark.parametrize("table", ["stars_siteforecast", "stars_toldnight"])
def test_it_does_not_read_how_questions_for_forecasts_went_and_what_others_were_told(
    anonymous: psycopg.Connection[Any], table: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        anonymous.execute(f"SELECT 1 FROM {table}")
