"""Two equal rules that are made at once: one is made, the other refused as one that comes later would be."""

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
from tests.apps.compliance.conftest import BY
from tests.lock_waits import wait_until_one_waits

RULE = {"action": "ships.*", "resource": "*", "right": "ships.ingest"}

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
            wait_until_one_waits(cluster, connections["compliance"].settings_dict["NAME"], "compliance_rule")
        response = answer.result(timeout=30)
        assert Rule.objects.count() == 1
    assert response.status_code == status
    assert "There is such a rule already" in response.content.decode()
