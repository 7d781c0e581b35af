"""Events and commands: their declarations, who handles them, and who publishes what is not its own."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Final

from django.tasks.exceptions import InvalidTask

from monolith.composition import composed
from monolith.contracts.message_registry import framework_messages, messages_of, messages_problems
from monolith.contracts.messages import MessageKind, MessageType
from monolith.contracts.registry import gate_changes, message_and_fix
from monolith.errors import CompositionError
from monolith.events.subscriber import Subscriber
from monolith.jobs.registry import has_subscribers, owner_of
from monolith.module import FRAMEWORK_LABEL, Module
from monolith.verification.imports import is_within
from monolith.verification.loading import failure
from monolith.verification.source import COMMANDS, EVENTS, Source
from monolith.verification.system import System
from monolith.verification.tasks import OUTSIDE, waits
from monolith.verification.violation import Code, Place, Violation

_SUBSCRIBER: Final = frozenset({"monolith.events.subscriber", "monolith.events.subscriber.subscriber"})
_PUBLISH: Final = frozenset(
    f"monolith.events.{file}{name}" for file in ("", "publishing.") for name in ("publish", "publish_all")
)


@dataclass(slots=True)
class _Found:
    """What modules declare and handle, as far as it loads."""

    declared: dict[str, MessageType] = field(default_factory=dict)
    handled: dict[str, list[Subscriber[Any]]] = field(default_factory=lambda: defaultdict(list))
    loads: bool = True


def message_violations(system: System) -> Iterator[Violation]:
    """Yield everything that is wrong with events, commands and their subscribers. Needs loaded apps."""
    found = _Found()
    found.declared |= {message.message_type.name: message.message_type for message in framework_messages()}
    for module in composed().declared.values():
        yield from _declarations(system, module, found)
    for module in composed().modules.values():
        for file in system.sources[module.name]:
            yield from _misplaced(system, module, file)
            yield from _publishing(system, module, file)
        yield from _subscribers(system, module, found)
    for module in composed().modules.values():
        yield from _handlers(system, module, found)
    # In a part of the system nobody knows what the rest handles.
    if found.loads and composed().modules.keys() == composed().declared.keys():
        yield from _unheard(system, found)


def _declarations(system: System, module: Module, found: _Found) -> Iterator[Violation]:
    try:
        problems = list(messages_problems(module))
        messages = messages_of(module)
    except Exception as error:  # noqa: BLE001 (whatever the contract's file raises is what is wrong with it)
        found.loads = False
        yield failure(system, error)
        return
    found.declared |= {message.message_type.name: message.message_type for message in messages}
    for message, problem in problems:
        what, fix = message_and_fix(problem)
        yield Violation(
            place=system.place_of(message),
            code=Code.MESSAGES_DECLARATION,
            module=module.name,
            message=what,
            fix=fix,
        )


def _subscribers(system: System, module: Module, found: _Found) -> Iterator[Violation]:
    try:
        file = import_module(module.subscribers_module) if has_subscribers(module) else None
    except InvalidTask as error:
        found.loads = False
        what, fix = message_and_fix(str(error))
        made = failure(system, error)
        yield replace(made, code=Code.MESSAGES_SUBSCRIBER, module=module.name, message=what, fix=fix)
        return
    except Exception as error:  # noqa: BLE001 (whatever the file raises is what is wrong with it)
        found.loads = False
        yield failure(system, error)
        return
    for value in vars(file).values() if file else ():
        if isinstance(value, Subscriber) and owner_of(value.module_path) == module.name:
            found.handled[value.message.message_type.name].append(value)
            yield from _of_subscriber(system, module, value, found.declared)


def _of_subscriber(
    system: System, module: Module, subscriber: Subscriber[Any], declared: Mapping[str, MessageType]
) -> Iterator[Violation]:
    place = _place_of(system, subscriber)
    if not subscriber.time_limit_s:
        fix = "leave time_limit_s out, or give it seconds: an attempt that hangs keeps its worker"
        yield _violation(Code.MESSAGES_SUBSCRIBER, place, module, f"{subscriber.name} has no time limit", fix)
    message = subscriber.message
    if message.message_type.module == FRAMEWORK_LABEL and not module.steers_jobs:
        what = f"{subscriber.name} takes {message.__name__}, which tells about every module's jobs"
        fix = "ask the scheduler, or set steers_jobs=True"
        yield _violation(Code.MESSAGES_SUBSCRIBER, place, module, what, fix)
    elif declared.get(message.message_type.name) is not message.message_type:
        named = f"{message.__module__}.{message.__qualname__}"
        what = f"{subscriber.name} takes {named}, which no module's contract declares"
        fix = "take what a contract declares: messages that none does are published by nobody"
        yield _violation(Code.MESSAGES_UNKNOWN, place, module, what, fix)
    file = system.source_of(subscriber.func.__module__)
    function = file.definitions.get(subscriber.name) if file else None
    for line, waiting in waits(file, function) if file and function and subscriber.transaction else ():
        what, fix = f"{subscriber.name} {waiting} inside its transaction", OUTSIDE.format("subscriber")
        yield _violation(Code.MESSAGES_TRANSACTION, Place(file.path if file else "", line), module, what, fix)


def _handlers(system: System, module: Module, found: _Found) -> Iterator[Violation]:
    """Yield what is wrong with how a module handles commands, its own and others'."""
    for name, subscribers in found.handled.items():
        declared = found.declared.get(name)
        if declared is None or declared.kind is MessageKind.EVENT:
            continue
        ours = [each for each in subscribers if owner_of(each.module_path) == module.name]
        for subscriber in ours if declared.module != module.name else ():
            what = f"{subscriber.name} handles {name}, a command of '{declared.module}'"
            fix = f"handle it in '{declared.module}', or let that module publish an event that tells others"
            yield _violation(Code.MESSAGES_HANDLER, _place_of(system, subscriber), module, what, fix)
        for subscriber in ours[1:] if declared.module == module.name else ():
            what = f"{subscriber.name} handles {name}, and so does {ours[0].name}"
            fix = "keep one: a command has one handler, and an event any number"
            yield _violation(Code.MESSAGES_HANDLER, _place_of(system, subscriber), module, what, fix)
    for name, declared in found.declared.items():
        is_handled = any(owner_of(each.module_path) == module.name for each in found.handled.get(name, ()))
        expected = declared.module == module.name and declared.kind is MessageKind.COMMAND
        if found.loads and expected and not declared.external and not is_handled:
            what = f"nobody handles the command {name}"
            fix = f"write its @subscriber in {module.subscribers_module}, or say external=True if another system does"
            yield _violation(Code.MESSAGES_HANDLER, system.place_of(declared.schema), module, what, fix)


def _unheard(system: System, found: _Found) -> Iterator[Violation]:
    try:
        heard = found.handled.keys() | {name for name, callers in gate_changes().items() if callers}
    except CompositionError:  # a broken contract, which is reported as such
        return
    for name, declared in found.declared.items():
        is_for_here = declared.module in system.modules and not declared.external
        if declared.kind is MessageKind.EVENT and is_for_here and name not in heard:
            what = f"nobody subscribes to {name}"
            fix = "write a @subscriber where it matters, say external=True if another system reads it, or remove it"
            module = system.modules[declared.module]
            yield _violation(Code.MESSAGES_UNHEARD, system.place_of(declared.schema), module, what, fix)


def _misplaced(system: System, module: Module, file: Source) -> Iterator[Violation]:
    """Yield messages outside of contracts, and subscribers where nobody looks for them or that another one hides."""
    for name, bases in file.bases.items():
        if (EVENTS | COMMANDS) & set(bases):
            what = f"{name} is a message outside a contract"
            fix = f"move it to {module.contract_module}: what modules tell each other is what they promise"
            yield _violation(Code.MESSAGES_PLACE, Place(file.path, file.lines[name]), module, what, fix)
    for definition in file.hidden:
        if _SUBSCRIBER & set(definition.decorators):
            what = f"{definition.name} is a subscriber that another {definition.name} further down takes the place of"
            place = Place(file.path, definition.line)
            yield _violation(Code.MESSAGES_SUBSCRIBER, place, module, what, "give each a name of its own")
    if file.name != module.subscribers_module and is_within(module.subscribers_module, module.django_app):
        yield from _strays(system, module, file)


def _strays(system: System, module: Module, file: Source) -> Iterator[Violation]:
    subscribers = system.source_of(module.subscribers_module)
    shown = {found.name for found in subscribers.imports} if subscribers else set()
    for definition in file.definitions.values():
        if _SUBSCRIBER & set(definition.decorators) and f"{file.name}.{definition.name}" not in shown:
            what = f"{definition.name} is a subscriber outside {module.subscribers_module}, and it is looked for there"
            fix = f"move it to {module.subscribers_module}, or import it there"
            yield _violation(Code.MESSAGES_PLACE, Place(file.path, definition.line), module, what, fix)


def _publishing(system: System, module: Module, file: Source) -> Iterator[Violation]:
    """Yield events of other modules that a file which publishes makes."""
    if not any(use.name in _PUBLISH for use in file.uses):
        return
    for call in file.calls:
        owner = system.promiser_of(call.name)
        if owner in (None, module.name) or not _is_event(system, call.name):
            continue
        what = f"publishes {call.method}, an event of '{owner}'"
        fix = f"publish an event of {module.contract_module}, or send '{owner}' a command"
        yield _violation(Code.MESSAGES_PUBLISHER, Place(file.path, call.line), module, what, fix)


def _is_event(system: System, name: str) -> bool:
    contract, _, message = name.rpartition(".")
    file = system.source_of(contract)
    return bool(file and EVENTS & set(file.bases.get(message, ())))


def _place_of(system: System, subscriber: Subscriber[Any]) -> Place:
    file = system.source_of(subscriber.func.__module__)
    function = file.definitions.get(subscriber.name) if file else None
    return Place(file.path, function.line) if file and function else Place()


def _violation(code: Code, place: Place, module: Module, message: str, fix: str) -> Violation:
    return Violation(place=place, code=code, module=module.name, message=message, fix=fix)
