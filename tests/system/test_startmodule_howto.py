"""docs/how-to/add-a-module.md, followed to the letter: from nothing to an answer by HTTP in under five minutes."""

import sys
import time
from pathlib import Path

import pytest

from monolith.embedded import erase
from monolith.embedded.port import free_port
from tests.project_copy import ROOT, copy_environ, copy_project
from tests.system.walkthrough import Walkthrough, blocks

PAGE = ROOT / "docs" / "how-to" / "add-a-module.md"
FIVE_MINUTES_S = 300.0


@pytest.mark.slow
def test_two_modules_that_call_each_other_answer_within_five_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_project(tmp_path / "project")
    ports = {"8000": free_port(), "8001": free_port()}
    environ = copy_environ()
    started = time.perf_counter()
    try:
        with Walkthrough(project, environ=environ, ports=ports) as reader:
            for block in blocks(PAGE):
                reader.follow(block)
            taken_s = time.perf_counter() - started
    finally:
        erase(project / "var")

    with capsys.disabled():
        sys.stdout.write(f"\n{PAGE.name}: {taken_s:.0f} s to an answer by HTTP that took a contract call\n")
    assert taken_s < FIVE_MINUTES_S
