"""Events and commands: what a module tells others by way of the broker, as types of its contract.

An Event is a fact and has any number of subscribers; only the module whose contract declares it publishes it. A Command
asks the module whose contract declares it to do something, and has one handler there.
"""

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from monolith.contracts.contract import place_of
from monolith.contracts.errors import MessageUnreadable
from monolith.contracts.plain_data import type_problems
from monolith.contracts.schema import Schema

type Payload = dict[str, Any]
type Upcaster = Callable[[Payload], Payload]

_KEY_TYPES: Final = (str, int, UUID)


class MessageKind(StrEnum):
    """What a message is."""

    EVENT = "event"  # a fact; any number of subscribers
    COMMAND = "command"  # a request; one handler


@dataclass(frozen=True, slots=True)
class MessageType:
    """What the declaration of a message says."""

    name: str  # knowledge.NoteChanged
    module: str  # whose contract declares it
    kind: MessageKind
    version: int
    key: str  # the field by which messages are kept in order
    external: bool  # subscribers are outside of this system, or will come later
    schema: "type[Message]"
    upcasters: dict[int, Upcaster] = field(repr=False)  # by the version that each takes; fills with its file

    @property
    def readable_versions(self) -> tuple[int, ...]:
        """Return the versions that become the present one, oldest first: an unbroken chain of upcasters, and itself."""
        oldest = self.version
        while oldest - 1 in self.upcasters:
            oldest -= 1
        return tuple(range(oldest, self.version + 1))

    def read(self, payload: Payload, version: int) -> "Message":
        """Return the message of a payload of some version. Raises MessageUnreadable, which says what to do."""
        if version not in self.readable_versions:
            known = ", ".join(map(str, self.readable_versions))
            raise MessageUnreadable(
                f"{self.name} came in version {version}, and this process reads {known}; add an upcaster from "
                f"version {version} to the contract, or deploy the code that knows it, then replay"
            )
        for older in range(version, self.version):
            payload = self.upcasters[older](payload)
        try:
            return self.schema.model_validate_json(json.dumps(payload))
        except ValueError as error:
            raise MessageUnreadable(
                f"{self.name} does not fit version {self.version} of its schema: {error}"
            ) from error


class Message(Schema):
    """Base of Event and Command; derive from those."""

    kind: ClassVar[MessageKind]
    message_type: ClassVar[MessageType]

    def __init_subclass__(
        cls, *, key: str = "", version: int = 1, external: bool = False, **config: Any
    ) -> None:
        super().__init_subclass__(**config)

    @classmethod
    def __pydantic_init_subclass__(
        cls, *, key: str = "", version: int = 1, external: bool = False, **config: Any
    ) -> None:
        super().__pydantic_init_subclass__(**config)
        if cls.__module__ == __name__:
            return
        module, _ = place_of(cls)
        cls.message_type = MessageType(
            f"{module}.{cls.__name__}", module, cls.kind, version, key, external, cls, {}
        )

    @property
    def partition_key(self) -> str:
        """Return what messages are kept in order by, within their tenant."""
        return str(getattr(self, self.message_type.key))


class Event(Message):
    """A fact, named in the past tense: `class NoteChanged(Event, key="slug")`.

    `key` names the field by which events stay in order, `version` counts from 1, and `external=True` says that
    subscribers are outside of this system.
    """

    kind = MessageKind.EVENT


class Command(Message):
    """A request, named in the imperative: `class ScheduleTimer(Command, key="timer_id")`. Options as an Event's."""

    kind = MessageKind.COMMAND


def upcaster(message: type[Message], *, version: int) -> Callable[[Upcaster], Upcaster]:
    """Make a function of the contract turn payloads of `version`, as JSON has them, into those of the next."""

    def register(function: Upcaster) -> Upcaster:
        message.message_type.upcasters[version] = function
        return function

    return register


def message_problems(message: type[Message]) -> Iterator[str]:
    """Yield everything that is wrong with a declaration, each with its place and the fix."""
    declared = message.message_type
    place = f"{message.__module__}.{message.__qualname__}"
    if declared.version < 1:
        yield f"{place} has version {declared.version}; versions count from 1"
    for version in declared.upcasters:
        if not 1 <= version < declared.version:
            yield (
                f"{place} has an upcaster from version {version}, and is version {declared.version}; "
                "an upcaster takes an older one"
            )
    known = message.model_fields.get(declared.key)
    if known is None:
        fields = ", ".join(message.model_fields) or "none"
        yield (f"{place} has the key {declared.key!r}, which is no field of it; name one by key=…: {fields}")
    elif not known.is_required() or not _may_be_key(known.annotation):
        yield f"{place}.{declared.key} is its key; make it a str, int or UUID without a default"
    yield from type_problems(message, place)
    if not inspect.getdoc(message) or message.__doc__ in (Event.__doc__, Command.__doc__):
        yield f"{place} has no docstring; say in one sentence what it tells"


def _may_be_key(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, _KEY_TYPES)
