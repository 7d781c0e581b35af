"""The subscribers of this process's modules."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from monolith.composition import composed
from monolith.contracts.registry import gate_changes
from monolith.errors import CompositionError
from monolith.events.gate import forget_decisions
from monolith.events.subscriber import AnySubscriber, Subscriber
from monolith.jobs.registry import owner_of, tasks_of
from monolith.jobs.task import AnyTask
from monolith.module import FRAMEWORK_LABEL


def subscribers_of(module: str) -> dict[str, AnySubscriber]:
    """Return a composed module's subscribers by dotted name."""
    return {
        path: task
        for path, task in tasks_of(module).items()
        if isinstance(task, Subscriber) and owner_of(path) == module
    }


@cache
def subscribers_by_type(module: str) -> Mapping[str, tuple[AnyTask, ...]]:
    """Return which subscribers of a composed module get the messages of a type, by the type's name.

    Those that the framework adds are among them: who asks the gate hears of what changes its answers.
    """
    found: dict[str, list[AnyTask]] = defaultdict(list)
    for name, callers in gate_changes().items():
        if module in callers:
            found[name].append(forget_decisions)
    for subscriber in subscribers_of(module).values():
        _require_power(module, subscriber)
        found[subscriber.message.message_type.name].append(subscriber)
    return MappingProxyType({name: tuple(each) for name, each in found.items()})


def _require_power(module: str, subscriber: AnySubscriber) -> None:
    declared = subscriber.message.message_type
    if declared.module == FRAMEWORK_LABEL and not composed().declared[module].steers_jobs:
        problem = (
            f"{subscriber.module_path} subscribes to {declared.name}, which tells of all modules' jobs, and "
            f"'{module}' may not see those; give it steers_jobs=True, or remove the subscriber"
        )
        raise CompositionError([problem])


def consumers() -> dict[str, list[str]]:
    """Return what reads from the broker, by the name it has there, with the names of the types.

    Composed modules that subscribe to anything, and their consumers that have no database.
    """
    outside = (each for module in composed().modules.values() for each in module.consumers)
    return {each.name: sorted(each.types) for each in outside} | {
        module: sorted(subscribers_by_type(module))
        for module in composed().modules
        if subscribers_by_type(module)
    }
