"""Tasks of the module hikes that are written in a test."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from monolith import entering
from monolith.jobs import ModuleTask, registry, task

type AnyTask = ModuleTask[..., Any]
type Toy = Callable[..., AnyTask]

MODULE = "hikes"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    """Return a function `toy(function, **options)` that makes a task of hikes; runs the test as hikes."""
    known: dict[str, AnyTask] = {}

    def add(function: Callable[..., Any], **options: Any) -> AnyTask:
        function.__module__, function.__qualname__ = f"apps.{MODULE}.tasks", function.__name__
        made: AnyTask = task(**{"time_limit_s": 5} | options)(function)
        known[made.module_path] = made
        return made

    def tasks() -> Mapping[str, AnyTask]:
        return MappingProxyType(known)

    monkeypatch.setattr(registry, "tasks", tasks)
    with entering(MODULE):
        yield add
