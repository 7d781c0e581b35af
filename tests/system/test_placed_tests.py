"""`pytest --place-remotely`: where calls go, what the other process sees, and what is left when the run ends."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.project_copy import copy_environ, copy_project

pytestmark = pytest.mark.slow

PROBE: Final = """\
from collections.abc import Mapping
from datetime import date
from pathlib import Path
import httpx2
import pytest
import time_machine
from apps.compliance.models import Rule
from contracts.compliance import Compliance, Decision
from contracts.stars import Place, Stars, SunTimes
from monolith import entering
from monolith.contracts import require


def ask() -> SunTimes:
    with entering("hikes"):
        [[times]] = require(Stars).sun_times(places=[Place(latitude=54, longitude=-3)], days=[date(2026, 6, 21)])
    return times


def decide() -> Decision:
    with entering("ships"):
        return require(Compliance).check(subject="user:1", action="probe.use", resource="x")


def test_a_call_goes_there(placed_remotely: Mapping[str, str]) -> None:
    Path("addresses").write_text(" ".join(placed_remotely.values()))
    assert ask().sunset


def test_a_call_stays_while_the_clock_is_moved() -> None:
    with time_machine.travel(0, tick=False):
        assert ask().sunset


@pytest.mark.django_db(databases="__all__")
def test_what_is_written_here_is_seen_there() -> None:
    with entering("compliance"):
        Rule.objects.create(action="probe.use", right="probe.use")
    assert "the right probe.use" in decide().missing[0]


@pytest.mark.django_db(databases="__all__")
def test_and_is_gone_for_the_next_test() -> None:
    with entering("compliance"):
        assert not Rule.objects.exists()


def test_a_failure_shows_what_the_others_wrote(placed_remotely: Mapping[str, str]) -> None:
    httpx2.post(f"{placed_remotely['stars']}/contracts/stars/sun_times", json={}).raise_for_status()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project with a test that probes the plugin."""
    place = copy_project(tmp_path_factory.mktemp("placed") / "project")
    (place / "tests" / "test_probe.py").write_text(PROBE, encoding="utf-8")
    return place


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/test_probe.py", *options],
        cwd=project,
        env=copy_environ(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_calls_go_to_processes_that_see_what_tests_commit_and_end_with_the_run(
    project: Path, workers: str
) -> None:
    done = run(project, "--place-remotely=stars, compliance", "-n", workers)

    assert "4 passed" in done.stdout, done.stdout
    assert "1 failed" in done.stdout
    assert "- process of 'stars' -" in done.stdout
    assert "a call of stars.sun_times was refused: its token proves nothing" in done.stdout
    assert (
        "stars: calls that went to its process: 1; answered here, because a test had moved the clock: 1"
        in done.stdout
    )
    assert "compliance: calls that went to its process: 1" in done.stdout
    for address in (project / "addresses").read_text().split():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2])))


def test_name_that_is_no_module_ends_the_run_before_it_begins(project: Path) -> None:
    done = run(project, "--place-remotely=nothing", "-n0")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert (
        "--place-remotely names 'nothing', which is not declared; known: agent, chat, compliance, "
        in done.stderr + done.stdout
    )
