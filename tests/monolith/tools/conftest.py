"""What the tests of tools share: modules with tools made for a test, and a private tier with its log."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from monolith import Module, Tier
from monolith.embedded import PostgresCluster
from monolith.embedded.port import free_port
from tests.monolith.tools.offered_tools import Declare
from tests.served_tier import ROOT, serve_command, stop, tier_environ, wait_until_it_answers


@pytest.fixture
def declare() -> Iterator[Declare]:
    """Return a function that makes a module whose tools.py has the given functions."""
    file = ModuleType("toy_tools_file")
    file.__spec__ = ModuleSpec(file.__name__, None)
    sys.modules[file.__name__] = file

    def make(*functions: Callable[..., Any]) -> Module:
        for function in functions:
            function.__module__, function.__qualname__ = file.__name__, function.__name__
            setattr(file, function.__name__, function)
        return Module(name="huts", tier=Tier.PRIVATE, tools=file.__name__, contract="contracts.huts")

    yield make
    del sys.modules[file.__name__]


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
