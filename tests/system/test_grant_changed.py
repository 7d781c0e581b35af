"""A right that is taken back is denied in another process at once, not when what that one kept has run out."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx2
import psycopg
import pytest

from monolith.embedded import PostgresCluster, erase
from tests.system.running_up import Up, wait_until
from tests.system.test_place_a_module_howto import two_free_ports_in_a_row

pytestmark = pytest.mark.slow

SENTENCE: Final = b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24"
ROUNDS: Final = 5
LISTENERS: Final = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%monolith_decisions%'"
LIMIT_S: Final = 2.0  # the gate's ceiling is 5 s; an answer that only runs out is nearly as old


@contextmanager
def staff(address: str, directory: Path) -> Iterator[httpx2.Client]:
    user, password = (directory / "admin-login").read_text(encoding="utf-8").splitlines()
    with httpx2.Client(base_url=address, timeout=30) as client:
        client.get("/admin/login/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        answer = client.post("/admin/login/", data={"username": user, "password": password})
        assert answer.status_code == 302, answer.text
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        yield client


def ingest(ships: httpx2.Client) -> int:
    return ships.post(
        "/api/ships/ingest", content=SENTENCE, headers={"Content-Type": "text/plain"}
    ).status_code


def test_a_grant_that_ended_is_denied_at_once_where_it_was_allowed_before(
    record_property: Callable[[str, object], None],
) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="monolith-grants-")))
        stack.callback(erase, directory)
        private, alone = two_free_ports_in_a_row()
        options = [f"--private-port={private}", "--split=compliance", "--workers=2", "--no-samples"]
        up = stack.enter_context(Up(directory, *options)).wait_until_ready()
        ships = stack.enter_context(staff(f"http://127.0.0.1:{private}", directory))
        compliance = stack.enter_context(staff(f"http://127.0.0.1:{alone}", directory))
        rule = {"action": "ships.ingest", "right": "ships.ingest"}
        assert compliance.post("/api/compliance/rules", json=rule).status_code == 201
        took = [_round(up.cluster, ships, compliance) for _ in range(ROUNDS)]
        record_property("denied_ms", [round(each * 1000) for each in took])
        assert statistics.median(took) < LIMIT_S, took
        assert up.stop() == 0


def _listens(cluster: PostgresCluster) -> bool:
    with psycopg.connect(cluster.admin_url, passfile=str(cluster.passfile("admin"))) as connection:
        row = connection.execute(LISTENERS).fetchone()
    return bool(row and row[0])


def _round(cluster: PostgresCluster, ships: httpx2.Client, compliance: httpx2.Client) -> float:
    """Grant, and end the grant while ships keeps that it holds; return how long ships goes on to allow."""
    grant = {"subject": "user:*", "right": "ships.ingest"}
    made = compliance.post("/api/compliance/grants", json=grant)
    assert made.status_code == 201
    wait_until(lambda: ingest(ships) == 200, "ships allows it")
    wait_until(lambda: _listens(cluster), "ships hears of changes")  # what it kept before, it asks again
    assert ingest(ships) == 200
    assert compliance.post(f"/api/compliance/grants/{made.json()['id']}/end").status_code == 200
    ended = time.monotonic()
    while ingest(ships) == 200:
        assert time.monotonic() - ended < 30
    return time.monotonic() - ended
