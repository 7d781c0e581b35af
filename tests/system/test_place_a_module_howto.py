"""docs/how-to/place-a-module.md, followed to the letter."""

import socket
from pathlib import Path

import pytest

from monolith.embedded import erase
from monolith.embedded.port import free_port
from tests.project_copy import ROOT, copy_environ, copy_project
from tests.system.walkthrough import Walkthrough, blocks

PAGE = ROOT / "docs" / "how-to" / "place-a-module.md"


def two_free_ports_in_a_row() -> tuple[int, int]:
    """`up` gives a module that is split off the port after the private tier's."""
    while True:
        first = free_port()
        with socket.socket() as second:
            if second.connect_ex(("127.0.0.1", first + 1)):
                return first, first + 1


@pytest.mark.slow
def test_module_moves_out_and_is_called_where_it_is(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    private, stars = two_free_ports_in_a_row()
    ports = {"8000": free_port(), "8001": private, "8002": stars, "8011": free_port(), "8012": free_port()}
    try:
        with Walkthrough(project, environ=copy_environ(), ports=ports) as reader:
            for block in blocks(PAGE):
                reader.follow(block)
    finally:
        erase(project / "var")
