"""Functions that are offered as tools for as long as a test runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from monolith import Module
from monolith.composition import composed
from monolith.tools.registry import tools

type Declare = Callable[..., Module]
"""What the fixture `declare` gives: functions in, a module with them in its tools.py out."""


@contextmanager
def offered(module: str, *functions: Callable[..., Any]) -> Iterator[list[str]]:
    """Let functions be in a composed module's tools.py, whether or not it has that file; gives their tools' names."""
    dotted = composed().modules[module].tools_module
    file, is_new = _file(dotted)
    for function in functions:
        function.__module__, function.__qualname__ = dotted, function.__name__
        setattr(file, function.__name__, function)
    tools.cache_clear()
    tools()  # here once, and not by each thread that calls first
    try:
        yield [f"{module}_{function.__name__}" for function in functions]
    finally:
        for function in functions:
            delattr(file, function.__name__)
        if is_new:
            del sys.modules[dotted]
        tools.cache_clear()


def _file(dotted: str) -> tuple[ModuleType, bool]:
    try:
        return import_module(dotted), False
    except ModuleNotFoundError:
        file = ModuleType(dotted)
        file.__spec__ = ModuleSpec(dotted, None)
        sys.modules[dotted] = file
        return file, True
