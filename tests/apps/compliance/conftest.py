"""What the tests of compliance share."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from psycopg.sql import SQL, Identifier

from apps.compliance import services
from apps.compliance.models import Grant, Rule
from monolith import composed, entering
from monolith.contracts import forget_decisions
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection

BY = "user:1"


@pytest.fixture(autouse=True)
def nothing_decided() -> None:
    """Start without decisions of another test's grants."""
    forget_decisions()


@pytest.fixture
def in_compliance() -> Iterator[None]:
    """Run the test as the module compliance."""
    with entering("compliance"):
        yield


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


type Execute = Callable[..., None]


@pytest.fixture
def as_owner(cluster: PostgresCluster, committed_db: None) -> Execute:
    """Run statements in one transaction as the owner of the module's tables, which no serving process is."""

    def run(*statements: str) -> None:
        with admin_connection(cluster, connections["compliance"].settings_dict["NAME"]) as connection:
            connection.execute(SQL("SET ROLE {}").format(Identifier(composed().roles.owner("compliance"))))
            connection.execute("SET search_path = compliance")
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode())

    return run


@pytest.fixture
def tamper(as_owner: Execute) -> Execute:
    """Run statements as the owner, past the audit's triggers."""
    tables = ("compliance_auditentry", "compliance_audithead")

    def run(*statements: str) -> None:
        as_owner(
            *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables),
            *statements,
            *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables),
        )

    return run


def rule(action: str, right: str, **fields: Any) -> Rule:
    """Make a rule."""
    return services.make_rule(Rule(action=action, right=right, **fields), by=BY)


def grant(subject: str, right: str, **fields: Any) -> Grant:
    """Make a grant."""
    return services.make_grant(Grant(subject=subject, right=right, **fields), by=BY)
