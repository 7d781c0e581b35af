"""The subscribers of this process's modules."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from monolith.composition import composed
from monolith.events.subscriber import AnySubscriber, Subscriber
from monolith.jobs.registry import owner_of, tasks_of


def subscribers_of(module: str) -> dict[str, AnySubscriber]:
    """Return a composed module's subscribers by dotted name."""
    return {
        path: task
        for path, task in tasks_of(module).items()
        if isinstance(task, Subscriber) and owner_of(path) == module
    }


@cache
def subscribers_by_type(module: str) -> Mapping[str, tuple[AnySubscriber, ...]]:
    """Return which subscribers of a composed module get the messages of a type, by the type's name."""
    found: dict[str, list[AnySubscriber]] = defaultdict(list)
    for subscriber in subscribers_of(module).values():
        found[subscriber.message.message_type.name].append(subscriber)
    return MappingProxyType({name: tuple(each) for name, each in found.items()})


def consumers() -> dict[str, list[str]]:
    """Return the composed modules that subscribe to anything, with the names of the types."""
    return {
        module: sorted(subscribers_by_type(module))
        for module in composed().modules
        if subscribers_by_type(module)
    }
