"""What the tests of agent share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.agent import submissions
from apps.agent.models import ServiceCall
from apps.agent.queries import own
from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from contracts.agent import CallRequest, Method
from monolith import atomic, entering
from monolith.contracts import acting, forget_decisions
from tests.apps.agent.echo_server import EchoServer, serving

TENANT = "acme"
REQUEST = CallRequest(method=Method.POST, url="https://api.example/things", body='{"n": 1}')


@pytest.fixture
def in_agent() -> Iterator[None]:
    """Run the test as the module agent, for the tenant acme."""
    with entering("agent"), acting(tenant=TENANT):
        yield


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    """A real HTTP server on a loopback port."""
    with serving() as server:
        yield server


@pytest.fixture
def granted(committed_db: None) -> Iterator[None]:
    """Let every user do everything of agent for the tenant acme, and for no other."""
    forget_decisions()
    with entering("compliance"):
        compliance.make_rule(Rule(action="agent.*", right="agent.use"), by="command:test")
        compliance.make_grant(Grant(subject="user:*", right="agent.use", tenant=TENANT), by="command:test")
    yield
    forget_decisions()


@pytest.fixture
def staff(committed_db: None, client: Client) -> Client:
    """A member of staff who is signed in."""
    client.force_login(get_user_model().objects.create_superuser("keeper", "keeper@example.org", "secret"))
    return client


def submit(key: str = "k1", **fields: Any) -> UUID:
    """Submit a call that is due; returns its id."""
    given: dict[str, Any] = {
        "name": "things",
        "request": REQUEST,
        "due_at": datetime.now(UTC) - timedelta(seconds=1),
    }
    return submissions.submit(idempotency_key=key, **given | fields)[0]


def call_of(call_id: UUID) -> ServiceCall:
    """Return a call as it is now."""
    with atomic():
        return own(ServiceCall).get(id=call_id)
