"""`manage.py verify` as it is called: what it prints, what it leaves out, what it does without a database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project_text import parse, write
from tests.environment import outer_environment

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = ROOT / "tests" / "architecture"


def verify(directory: Path, *arguments: str, case: str = "", **environ: str) -> tuple[int, str]:
    _, files = parse((ARCHITECTURE / "sound.txtar").read_text())
    if case:
        files |= parse((ARCHITECTURE / "broken" / f"{case}.txtar").read_text())[1]
    write(files, directory)
    ended = subprocess.run(
        [sys.executable, "manage.py", "verify", *arguments],
        cwd=directory,
        env=outer_environment() | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_each_violation_is_shown_with_place_code_message_and_fix(tmp_path: Path) -> None:
    code, output = verify(tmp_path, "--no-database", case="imports-in-a-function")

    assert code == 1
    assert output.splitlines() == [
        "apps/orders/names.py:2  imports.module",
        "    imports apps.stock.models, which is code of module 'stock'",
        "    → call what contracts.stock promises with require(…), and list 'stock' in `requires`",
        "grants left out: --no-database",
        "schedules left out: --no-database",
        (
            "✗ 1 violation (imports 1); looked at imports, lookups, sql, connections, declarations, relations, "
            "contracts, messages, tasks, tools."
        ),
    ]


def test_a_sound_project_ends_with_0_and_says_what_was_looked_at(tmp_path: Path) -> None:
    code, output = verify(tmp_path, "--only", "imports", "--only", "sql")

    assert (code, output) == (0, "✓ No violation; looked at imports, sql.\n")


def test_of_a_part_of_the_system_only_what_can_be_known_is_judged(tmp_path: Path) -> None:
    code, output = verify(tmp_path, "--only", "messages", case="messages-unheard")
    part = verify(tmp_path, "--only", "messages", case="messages-unheard", MONOLITH_MODULES="stock")
    its_own = verify(tmp_path, "--only", "messages", case="messages-two-handlers", MONOLITH_MODULES="stock")

    assert code == 1
    assert "✗ 2 violations (messages 2)" in output
    assert part == (0, "✓ No violation; looked at messages.\n")
    assert its_own[0] == 1
    assert "reserve handles orders.PlaceOrder, a command of 'orders'" in its_own[1]
    assert "✗ 1 violation (messages 1)" in its_own[1]


def test_families_that_were_not_asked_for_are_not_looked_at(tmp_path: Path) -> None:
    code, _ = verify(tmp_path, "--only", "sql", case="imports-in-a-function")

    assert code == 0


def test_a_database_that_cannot_be_reached_is_a_violation(tmp_path: Path) -> None:
    only = ("--only", "grants", "--only", "schedules")
    code, output = verify(tmp_path, "--json", *only, DATABASE_URL="postgresql://127.0.0.1:1/none")

    violations = json.loads(output)["violations"]
    assert (code, [found["code"] for found in violations]) == (
        1,
        ["grants.unreachable", "schedules.unreachable"],
    )
    assert all("--no-database" in found["fix"] for found in violations)


def test_a_database_that_was_never_made_is_not_made_to_look_at_it(tmp_path: Path) -> None:
    code, output = verify(tmp_path, "--json", "--only", "grants")

    [violation] = json.loads(output)["violations"]
    assert (code, violation["code"]) == (1, "grants.unreachable")
    assert "manage.py prepare" in violation["fix"]
    assert not (tmp_path / "var").exists()


def test_nothing_to_look_at_is_no_success(tmp_path: Path) -> None:
    code, output = verify(tmp_path, "--only", "grants", "--no-database")

    assert code == 1
    assert "Nothing is left to look at" in output


@pytest.mark.parametrize("case", ["loading-a-circle", "loading-settings"])
def test_a_project_that_does_not_load_is_not_called_looked_at(tmp_path: Path, case: str) -> None:
    code, output = verify(tmp_path, "--json", case=case)

    found = json.loads(output)
    assert (code, found["clean"], found["families"]) == (1, False, [])
    assert set(found["left_out"].values()) == {"the project does not load"}


def test_options_are_explained_without_loading_the_project(tmp_path: Path) -> None:
    code, output = verify(tmp_path, "--help", case="loading-settings")

    assert code == 0
    assert "--no-database" in output
