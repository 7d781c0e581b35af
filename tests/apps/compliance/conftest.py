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


type Tamper = Callable[..., None]


@pytest.fixture
def tamper(cluster: PostgresCluster, committed_db: None) -> Tamper:
    """Run statements as the owner of the audit's tables, past its triggers: what no serving process can do."""
    audit = ("compliance_auditentry", "compliance_audithead")

    def run(*statements: str) -> None:
        with admin_connection(cluster, connections["compliance"].settings_dict["NAME"]) as connection:
            connection.execute(SQL("SET ROLE {}").format(Identifier(composed().roles.owner("compliance"))))
            connection.execute("SET search_path = compliance")
            with connection.transaction():
                for table in audit:
                    connection.execute(SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(Identifier(table)))
                for statement in statements:
                    connection.execute(statement.encode())
                for table in audit:
                    connection.execute(SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(Identifier(table)))

    return run


def rule(action: str, right: str, **fields: Any) -> Rule:
    """Make a rule."""
    return services.make_rule(Rule(action=action, right=right, **fields), by=BY)


def grant(subject: str, right: str, **fields: Any) -> Grant:
    """Make a grant."""
    return services.make_grant(Grant(subject=subject, right=right, **fields), by=BY)
