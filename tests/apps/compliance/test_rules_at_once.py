"""Two equal rules that are made at once: one is made, the other refused as one that comes later would be."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from apps.compliance import services
from apps.compliance.models import Rule
from monolith import atomic, entering
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection
from tests.apps.compliance.conftest import BY

RULE = {"action": "ships.*", "resource": "*", "right": "ships.ingest"}
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%compliance_rule%'"
)

pytestmark = pytest.mark.usefixtures("committed_db")


def api(client: Client) -> Any:
    return client.post("/api/compliance/rules", RULE, content_type="application/json")


def page(client: Client) -> Any:
    return client.post("/admin/compliance/rule/add/", RULE | {"notice_days": 7, "reason": ""})


@contextmanager
def signed_in() -> Iterator[Client]:
    client = Client()
    client.force_login(User.objects.create_superuser("keeper"))
    yield client


@pytest.mark.parametrize(("post", "status"), [(api, 422), (page, 200)])
def test_the_second_is_refused(cluster: PostgresCluster, post: Callable[[Client], Any], status: int) -> None:
    def second(client: Client) -> Any:
        try:
            return post(client)
        finally:
            connections.close_all()

    with signed_in() as client, ThreadPoolExecutor(1) as pool, entering("compliance"):
        with atomic():
            services.make_rule(Rule(**RULE), by=BY)
            answer = pool.submit(second, client)
            wait_until_it_waits(cluster)
        response = answer.result(timeout=30)
        assert Rule.objects.count() == 1
    assert response.status_code == status
    assert "There is such a rule already" in response.content.decode()


def wait_until_it_waits(cluster: PostgresCluster) -> None:
    name = connections["compliance"].settings_dict["NAME"]
    ends = time.monotonic() + 20
    with admin_connection(cluster, name) as connection:
        while not connection.execute(WAITING).fetchone()[0]:  # type: ignore[index]
            assert time.monotonic() < ends, "the second never came to wait for the first"
            time.sleep(0.02)
