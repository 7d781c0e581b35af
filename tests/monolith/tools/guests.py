"""Tokens for tests, and functions that are offered as tools for as long as a test runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from monolith import Module
from monolith.composition import composed
from monolith.tools import tokens
from monolith.tools.registry import tools
from monolith.tools.tokens import Identity

type Declare = Callable[..., Module]
"""What the fixture `declare` gives: functions in, a module with them in its tools.py out."""

PLENTY = 2**31 - 1


def secret_of(name: str, *scopes: str, tenant: str = "", **limits: Any) -> str:
    """Make a token; returns its secret."""
    given: dict[str, Any] = {"calls_a_minute": PLENTY, "units_a_day": PLENTY} | limits
    _, secret = tokens.make(name=name, scopes=scopes, made_by="a test", tenant=tenant, **given)
    return secret


def known(secret: str) -> Identity:
    """Return who a secret stands for, who has to be somebody."""
    found = tokens.authenticate(secret)
    assert found is not None
    return found


def guest(name: str, *scopes: str, tenant: str = "", **limits: Any) -> Identity:
    """Make a token; returns who it stands for."""
    return known(secret_of(name, *scopes, tenant=tenant, **limits))


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
