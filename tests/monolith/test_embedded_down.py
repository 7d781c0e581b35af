"""`manage.py down`."""

import os
import subprocess
import sys
from pathlib import Path

from monolith.embedded import NatsServer, PostgresCluster
from tests.monolith.embedded_clusters import ROOT, cluster, new_cluster, place, read_rows, write_row

__all__ = ["cluster", "new_cluster", "place"]

NOT_OURS = frozenset({"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "MONOLITH_ADMIN_URL", "PGPASSFILE"})


def down(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "down", *arguments],
        env=kept | {"MONOLITH_DATA_DIR": str(directory)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_down_says_what_it_stopped_and_keeps_the_data(cluster: PostgresCluster) -> None:
    write_row(cluster)
    result = down(cluster.directory)
    assert result.stdout == f"Stopped PostgreSQL.\nThe data stays in {cluster.directory}.\n"
    assert result.returncode == 0
    assert not cluster.is_running()
    cluster.start()
    assert read_rows(cluster) == [(42,)]


def test_down_stops_and_erases_the_broker_too(place: Path) -> None:
    broker = NatsServer(place / "var")
    broker.start()
    result = down(broker.directory)
    assert result.stdout == f"Stopped NATS.\nThe data stays in {broker.directory}.\n"
    assert not broker.is_running()
    assert broker.data.exists()
    assert down(broker.directory, "--erase", "--yes").returncode == 0
    assert not broker.home.exists()


def test_down_says_that_nothing_was_running(place: Path) -> None:
    result = down(place / "var")
    assert (result.stdout, result.returncode) == ("Nothing was running.\n", 0)


def test_erase_removes_the_data(cluster: PostgresCluster) -> None:
    result = down(cluster.directory, "--erase", "--yes")
    assert result.stdout == f"Stopped PostgreSQL.\nErased the data in {cluster.directory}.\n"
    assert not cluster.data.exists()


def test_erase_asks_first_and_does_nothing_when_nobody_can_answer(cluster: PostgresCluster) -> None:
    result = down(cluster.directory, "--erase")
    assert result.returncode != 0
    assert "Add --yes" in result.stderr
    assert cluster.is_running()
