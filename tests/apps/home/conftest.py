"""What the tests of home share."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from monolith import entering
from monolith.analytics import AnalyticsServer, read_analytics_url
from tests.apps.home import clickhouse_server
from tests.apps.home.flaky_server import FlakyServer, serving


@pytest.fixture
def in_home() -> Iterator[None]:
    """Run the test as the module home."""
    with entering("home"):
        yield


@pytest.fixture
def flaky() -> Iterator[FlakyServer]:
    """A real HTTP server whose failures are chosen; probes are allowed to ask it."""
    with serving() as server:
        yield server


@pytest.fixture
def staff(client: Client, django_user_model: Any) -> Client:
    user = django_user_model.objects.create_superuser("keeper", "keeper@example.org", "secret")
    client.force_login(user)
    return client


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[AnalyticsServer]:
    """A server with ClickHouse's own engine."""
    with clickhouse_server.serving() as origin:
        yield read_analytics_url(origin)
