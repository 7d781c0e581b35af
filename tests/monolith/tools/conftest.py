"""A private tier in a process of its own, with its log."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from monolith.embedded import PostgresCluster
from monolith.embedded.port import free_port
from tests.served_tier import ROOT, serve_command, stop, tier_environ, wait_until_it_answers


@pytest.fixture
def served_with_log(cluster: PostgresCluster, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Serve a private tier; gives its port, and what it logs to."""
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            serve_command("settings.private", port),
            cwd=ROOT,
            env=tier_environ(cluster, "private"),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_it_answers(process, port)
            yield port, log
        finally:
            stop(process)
