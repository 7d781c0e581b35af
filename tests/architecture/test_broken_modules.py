"""Every way to break a rule is found, by its code and place, and nothing else is: one small project for each.

`UPDATE_GOLDEN=1 pytest tests/architecture/test_broken_modules.py` writes down what is found now; read the difference.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monolith.verification.report import NEED_DATABASE
from monolith.verification.violation import Code
from tests.architecture.project_text import form, parse, write
from tests.environment import outer_environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted((HERE / "broken").glob("*.txtar"))
GOLDEN = "violations.json"
_, SOUND = parse((HERE / "sound.txtar").read_text())

type Verify = Callable[[dict[str, str]], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def verifier() -> Iterator["subprocess.Popen[str]"]:
    environ = outer_environment() | {"DJANGO_SETTINGS_MODULE": "settings.migrator"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.architecture.verifying"],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def verify(verifier: "subprocess.Popen[str]", tmp_path: Path) -> Verify:
    """Return a function that gives exit code and JSON document for the sound project with some files changed."""

    def run(changed: dict[str, str]) -> tuple[int, dict[str, Any]]:
        assert verifier.stdin
        assert verifier.stdout
        write(SOUND | changed, tmp_path)
        verifier.stdin.write(f"{tmp_path}\n")
        verifier.stdin.flush()
        code = int(verifier.stdout.readline())
        return code, json.loads((tmp_path / "output.json").read_text())

    return run


def test_a_sound_project_has_no_violation(verify: Verify) -> None:
    code, found = verify({})

    assert (code, found["violations"], found["left_out"]) == (
        0,
        [],
        dict.fromkeys(("grants", "schedules"), "--no-database"),
    )


def test_sound_messages_have_no_violation(verify: Verify) -> None:
    _, files = parse((HERE / "sound-messages.txtar").read_text())

    code, found = verify(files)

    assert (code, found["violations"]) == (0, [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_exactly_what_is_broken_is_found(verify: Verify, case: Path) -> None:
    comment, files = parse(case.read_text())
    expected = files.pop(GOLDEN, "")

    code, found = verify(files)

    text = f"{json.dumps(found['violations'], indent=2, ensure_ascii=False)}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        case.write_text(form(comment, files | {GOLDEN: text}))
    else:
        assert text == expected
    assert (code, found["clean"]) == (1, False)


def test_every_code_has_a_broken_module() -> None:
    told = {v["code"] for case in CASES for v in json.loads(parse(case.read_text())[1][GOLDEN])}
    elsewhere = {code for code in Code if code.family in NEED_DATABASE} | {Code.IMPORTS_FRAMEWORK}

    assert told | elsewhere == set(Code)
    assert not told & elsewhere
