"""ships' ingest as it runs in a system: followed by a process of its own, which its supervisor keeps."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.ships.models import IngestCursor, Position
from apps.ships.tasks import ingest
from monolith import composed, entering
from monolith.embedded import PostgresCluster
from monolith.jobs import leases
from monolith.models import Lease
from tests.apps.ships.nmea import position
from tests.served_tier import ROOT, tier_environ

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.usefixtures("committed_db", "ingest_granted")]

TIMEOUT_S = 30.0
SUPERVISE = """
import sys, threading
import django
django.setup()
from monolith.jobs.singletons import run_singletons
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
run_singletons(over)
"""


def until(condition: Callable[[], object]) -> None:
    """Look until it holds; nothing announces what another process commits."""
    ends = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


@contextmanager
def supervised(cluster: PostgresCluster, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
    own = tier_environ(cluster, "private", DJANGO_SETTINGS_MODULE="settings.private", **environ)
    process = subprocess.Popen([sys.executable, "-c", SUPERVISE], cwd=ROOT, env=own, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.communicate(timeout=TIMEOUT_S)  # it stops when its input ends
    assert process.returncode == 0


@pytest.fixture
def moment() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


def test_a_file_is_followed_over_restarts_and_the_switch(
    cluster: PostgresCluster, tmp_path: Path, moment: datetime
) -> None:
    file = tmp_path / "now.nmea"
    file.write_bytes(position(moment, latitude=55) + b"\n")

    def add(minute: int) -> None:
        with file.open("ab") as log:
            log.write(position(moment + timedelta(minutes=minute), latitude=55 + minute / 10) + b"\n")

    with entering("ships"):
        with supervised(cluster, SHIPS_FEED=file.as_uri()):
            until(lambda: Position.objects.count() == 1)
            add(1)
            until(lambda: Position.objects.count() == 2)
        lease = Lease.objects.get(name=ingest.name)
        assert (lease.deployment, lease.holder, lease.fence) == (composed().environment.deployment, "", 1)

        add(2)
        leases.switch("ships", ingest.name, on=False)
        with supervised(cluster, SHIPS_FEED=file.as_uri()):
            leases.switch("ships", ingest.name, on=True)
            until(lambda: Position.objects.count() == 3)
        assert IngestCursor.objects.get().offset == file.stat().st_size
        assert Lease.objects.get(name=ingest.name).fence == 2
