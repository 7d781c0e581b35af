"""The whole system as a stranger meets it, measured."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.running_up import PROJECT, environment

pytestmark = pytest.mark.slow


def test_check_exercises_both_tiers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "up", "--check"],
        cwd=PROJECT,
        # Neither what is set nor what is there already takes part.
        env=environment(tmp_path / "untouched", DATABASE_URL="postgresql://127.0.0.1:1/other", COLUMNS="200")
        | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "FAILED" not in result.stdout
    for what in (
        "first start",
        "next start",
        "reads",
        "refuses anonymous",
        "admin",
        "ran in a worker",
        "audit --probe",
        "leaves nothing",
    ):
        assert what in result.stdout
    assert list(tmp_path.iterdir()) == []
