"""A process whose contracts are broken does not start, and says everything that is wrong with them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project_text import parse, write
from tests.environment import outer_environment

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = ROOT / "tests" / "architecture"
SERVING = """\
import os
from pathlib import Path

from monolith import Profile, compose
from settings.modules import MODULES

globals().update(compose(Profile.{profile}, MODULES, os.environ).settings())
BASE_DIR = Path(__file__).resolve().parent.parent
STATIC_ROOT = BASE_DIR / "staticfiles"
"""
SECRETS = {"PRIVATE": {"MONOLITH_SECRET_KEY": "signs nothing", "ORDERS_KEY": "opens nothing"}, "PUBLIC": {}}


def start(directory: Path, case: str, profile: str) -> "subprocess.CompletedProcess[str]":
    _, sound = parse((ARCHITECTURE / "sound.txtar").read_text())
    _, broken = parse((ARCHITECTURE / "broken" / f"{case}.txtar").read_text())
    write(sound | broken | {"settings/serving.py": SERVING.format(profile=profile)}, directory)
    # Nothing listens there: a process that got as far as its database would say so instead.
    environ = outer_environment() | {"DATABASE_URL": "postgresql://127.0.0.1:1/none"} | SECRETS[profile]
    return subprocess.run(
        [sys.executable, "-c", "import monolith.wsgi"],
        cwd=directory,
        env=environ | {"DJANGO_SETTINGS_MODULE": "settings.serving", "PYTHONPATH": f"{directory}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("profile", ["PUBLIC", "PRIVATE"])
def test_a_provider_that_differs_from_its_contract_does_not_start(tmp_path: Path, profile: str) -> None:
    ended = start(tmp_path, "contracts-not-kept", profile)

    assert ended.returncode == 1
    assert "TierViolation: This process may not serve:" in ended.stderr
    for problem in (
        "apps.stock.api.forget is missing",
        "apps.stock.api.get_items(slugs) is list[int]",
        "apps.stock.api.get_items returns list[str]",
        "apps.stock.api.count lacks the parameter 'kind'",
        "apps.stock.api.count(shelf) is not keyword-only",
    ):
        assert problem in ended.stderr


@pytest.mark.parametrize("profile", ["PUBLIC", "PRIVATE"])
def test_a_contract_that_is_not_plain_data_does_not_start(tmp_path: Path, profile: str) -> None:
    ended = start(tmp_path, "contracts-not-plain-data", profile)

    assert ended.returncode == 1
    for problem in (
        "Item.seen_at is datetime.datetime",
        "get_anything(key) is Any",
        "get_anything(kinds) is set[str]",
    ):
        assert problem in ended.stderr


def test_a_module_that_may_not_ask_the_gate_does_not_start(tmp_path: Path) -> None:
    ended = start(tmp_path, "contracts-gate-callers", "PRIVATE")

    assert "module 'orders' requires the gate stock.may, whose callers are billing" in ended.stderr


def test_sound_contracts_get_as_far_as_their_database(tmp_path: Path) -> None:
    ended = start(tmp_path, "sql-role", "PRIVATE")  # which start-up does not look for

    assert "OperationalError" in ended.stderr  # it got as far as its database
    assert "monolith.E" not in ended.stderr
