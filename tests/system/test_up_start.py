"""Starts that do not come to their end, and starts on somebody else's database."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monolith.embedded import PostgresCluster, erase
from tests.system.running_up import (
    PROJECT,
    TIMEOUT_S,
    Up,
    children,
    environment,
    prepared_directory,
    wait_until_gone,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def directory() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="monolith-start-"))
    yield place
    erase(place)
    shutil.rmtree(place)


@pytest.fixture
def here() -> Iterator[Path]:
    with prepared_directory() as place:
        yield place


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_end_in_the_middle_of_the_first_preparation_leaves_no_process_and_no_half_state(
    directory: Path, number: signal.Signals
) -> None:
    with Up(directory) as first:
        first.wait_for_line(r"^prepare \|")
        preparing = {str(child): child for child in children(first.process.pid)}
        first.process.send_signal(number)
        first.wait()
        wait_until_gone(preparing)
        assert first.cluster.is_running() == (number is signal.SIGKILL)

    with Up(directory) as second:
        second.wait_until_ready()

        assert second.read_summary()
        assert second.stop() == 0
        assert not second.cluster.is_running()


def test_preparation_that_is_killed_leaves_no_worker_that_holds_its_lock(directory: Path) -> None:
    command = [sys.executable, "manage.py", "prepare"]
    options: dict[str, Any] = {"cwd": PROJECT, "env": environment(directory), "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as first:
        assert first.stdout is not None
        assert any(re.search(r"^\w+  \w+\.0001", line) for line in first.stdout)  # its workers migrate
        working = {str(each): each for child in children(first.pid) for each in (child, *children(child))}
        assert len(working) >= 3
        first.kill()
    wait_until_gone(working)

    again = subprocess.run(command, timeout=TIMEOUT_S, capture_output=True, check=False, **options)
    assert again.returncode == 0, again.stdout + again.stderr


def test_database_of_yours_is_used_as_it_is_with_one_passfile_cut_per_tier(
    directory: Path, here: Path
) -> None:
    yours = PostgresCluster(here)
    passfile = directory / "everyone.pgpass"
    passfile.write_text(
        "".join(yours.passfile(profile).read_text() for profile in ("public", "private", "migrator"))
    )
    passfile.chmod(0o600)

    with Up(
        directory, DATABASE_URL=yours.url(), PGPASSFILE=str(passfile), MONOLITH_SECRET_KEY="of this test"
    ) as up:
        up.wait_until_ready()

        assert up.read("public", "/api/hikes/walks")["total"] == 0  # no samples in a database of yours
        cut = (directory / "passfiles" / "public-of-up.pgpass").read_text()
        assert "public_reader" in cut
        assert "_rw" not in cut
        assert up.stop() == 0
    assert yours.is_running()
