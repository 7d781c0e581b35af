"""Events and commands: what a module tells others by way of the broker, as types of its contract.

An Event is a fact and has any number of subscribers; only the module whose contract declares it publishes it. A Command
asks the module whose contract declares it to do something, and has one handler there.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import ValidationError

from monolith.contracts.contract import place_of
from monolith.contracts.errors import MessageUnreadable
from monolith.contracts.schema import Schema, problems_in
from monolith.module import FRAMEWORK_LABEL

type Payload = dict[str, Any]
type Upcaster = Callable[[Payload], Payload]


class MessageKind(StrEnum):
    """What a message is."""

    EVENT = "event"  # a fact; any number of subscribers
    COMMAND = "command"  # a request; one handler


@dataclass(frozen=True, slots=True)
class MessageType:
    """What the declaration of a message says."""

    name: str  # knowledge.NoteChanged
    module: str  # whose contract declares it; FRAMEWORK_LABEL for what the framework tells as each module
    kind: MessageKind
    version: int
    key: str  # the field by which messages are kept in order
    external: bool  # subscribers are outside of this system, or will come later
    schema: "type[Message]"
    # By the version that each takes; fills with its file.
    upcasters: dict[int, Upcaster] = field(repr=False, compare=False)

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
        if version < self.version:
            payload = deepcopy(
                payload
            )  # an upcaster may change it in place, and the next attempt reads it again
        for older in range(version, self.version):
            payload = self._upcast(payload, older)
        try:
            return self.schema.model_validate_json(json.dumps(payload))
        except ValidationError as error:
            reason = "; ".join(problems_in(error))
        except (TypeError, ValueError) as error:
            reason = str(error)
        raise MessageUnreadable(f"{self.name} does not fit version {self.version} of its schema: {reason}")

    def _upcast(self, payload: Payload, version: int) -> Payload:
        place = f"the upcaster of {self.name} from version {version}"
        try:
            newer = self.upcasters[version](payload)
        except Exception as error:
            raise MessageUnreadable(f"{place} raised {type(error).__name__}: {error}") from error
        if not isinstance(newer, dict):
            raise MessageUnreadable(f"{place} returned {type(newer).__name__}, and a payload is a dict")
        return newer


class Message(Schema):
    """Base of Event and Command; derive from those."""

    # Spelled so that a message may have a field `kind`.
    __message_kind__: ClassVar[MessageKind]
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
        framework = cls.__module__.startswith(f"{FRAMEWORK_LABEL}.")
        module = FRAMEWORK_LABEL if framework else place_of(cls)[0]
        cls.message_type = MessageType(
            f"{module}.{cls.__name__}", module, cls.__message_kind__, version, key, external, cls, {}
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

    __message_kind__ = MessageKind.EVENT


class Command(Message):
    """A request, named in the imperative: `class ScheduleTimer(Command, key="timer_id")`. Options as an Event's."""

    __message_kind__ = MessageKind.COMMAND


def upcaster(message: type[Message], *, version: int) -> Callable[[Upcaster], Upcaster]:
    """Make a function of the contract turn payloads of `version`, as JSON has them, into those of the next.

    Raises ValueError when there is such a one.
    """

    def register(function: Upcaster) -> Upcaster:
        known = message.message_type.upcasters.setdefault(version, function)
        if known is not function:
            raise ValueError(
                f"{message.message_type.name} has two upcasters from version {version}, {known.__name__} and "
                f"{function.__name__}; keep one"
            )
        return function

    return register
