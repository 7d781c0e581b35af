"""The current module: on whose behalf this code runs.

A ContextVar, so it follows `await` and not threads: a new thread starts as the host. Use
`contextvars.copy_context().run` where work moves to a thread on purpose.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

from monolith.module import PLATFORM


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf code runs."""

    module: str  # a module's name, or PLATFORM for the host itself
    with_platform: bool = False  # may touch the platform's tables as well (admin pages)


HOST = Scope(PLATFORM)
_current: ContextVar[Scope] = ContextVar("monolith_current_module", default=HOST)


def current_scope() -> Scope:
    """Return the scope this code runs in; the host's when nothing was entered."""
    return _current.get()


def current_module() -> str:
    """Return the name of the module this code runs as; PLATFORM when nothing was entered."""
    return _current.get().module


def set_scope(scope: Scope) -> Token[Scope]:
    """Enter `scope` until `reset_scope` is called with the returned token."""
    return _current.set(scope)


def reset_scope(token: Token[Scope]) -> None:
    """Leave the scope that `set_scope` entered."""
    _current.reset(token)


@contextmanager
def entering(module: str, *, with_platform: bool = False) -> Iterator[None]:
    """Run the block as `module`: its tables, its connection, its secrets, nothing else."""
    token = _current.set(Scope(module, with_platform))
    try:
        yield
    finally:
        _current.reset(token)
