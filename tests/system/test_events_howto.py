"""docs/how-to/events.md, followed to the letter: a subscriber is one function and one line."""

from pathlib import Path

import pytest

from monolith.embedded import erase
from monolith.embedded.port import free_port
from tests.project_copy import ROOT, copy_environ, copy_project
from tests.system.walkthrough import Walkthrough, blocks

PAGE = ROOT / "docs" / "how-to" / "events.md"


@pytest.mark.slow
def test_a_module_hears_a_walk_and_tells_of_its_own(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    ports = {"8000": free_port(), "8001": free_port()}
    try:
        with Walkthrough(project, environ=copy_environ(), ports=ports) as reader:
            # Blocks without a title are examples, which tests/docs runs.
            for block in blocks(PAGE):
                if block.title or block.kind == "console":
                    reader.follow(block)
    finally:
        erase(project / "var")


def test_a_subscriber_is_one_function_and_one_line() -> None:
    (text,) = [block.text for block in blocks(PAGE) if block.title == "apps/diary/subscribers.py"]
    module, function = text.split("\n\n\n")
    assert function.startswith("@subscriber\ndef ")
    assert all(line.startswith(("from ", '"""')) for line in module.splitlines() if line)
