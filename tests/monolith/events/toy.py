"""Messages of the module hikes, and subscribers of hikes and stars, that are written in a test."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from monolith.contracts import Command, Event, upcaster
from monolith.events import Subscriber, subscriber
from monolith.events import registry as subscribers
from monolith.jobs import ModuleTask, registry

type AnyTask = ModuleTask[..., Any]
type AnySubscriber = Subscriber[Any]

OWNER = "hikes"
READER = "stars"


class Opened(Event, key="path", version=2):
    """A path was opened."""

    __module__ = f"contracts.{OWNER}"

    path: str
    number: int = 0
    text: str = ""


@upcaster(Opened, version=1)
def opened_from_1(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 1 called the number `nr`."""
    return {"path": payload["path"], "number": payload["nr"]}


class Close(Command, key="path"):
    """Close a path."""

    __module__ = f"contracts.{READER}"

    path: str


class Subscriptions:
    """The subscribers of a test."""

    def __init__(self) -> None:
        self.known: dict[str, AnyTask] = {}

    def add(self, function: Callable[..., None], *, module: str = READER, **options: Any) -> AnySubscriber:
        """Make a function a subscriber of a module."""
        function.__module__, function.__qualname__ = f"apps.{module}.subscribers", function.__name__
        made: AnySubscriber = subscriber(**options)(function)
        self.known[made.module_path] = made
        subscribers.subscribers_by_type.cache_clear()
        return made

    def noting(self) -> list[int]:
        """Add a subscriber of Opened, and return the list that it writes the numbers into."""
        numbers: list[int] = []

        def note(event: Opened) -> None:
            numbers.append(event.number)

        self.add(note)
        return numbers


@pytest.fixture
def subscriptions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Subscriptions]:
    """Return what makes functions subscribers: `subscriptions.add(function)`."""
    found = Subscriptions()

    def tasks() -> Mapping[str, AnyTask]:
        return MappingProxyType(found.known)

    monkeypatch.setattr(registry, "tasks", tasks)
    subscribers.subscribers_by_type.cache_clear()
    yield found
    subscribers.subscribers_by_type.cache_clear()
