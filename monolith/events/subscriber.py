"""`@subscriber`: a function of a module that is given each message of one type, once, in the order of its key."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, Final, TypedDict, Unpack, get_type_hints, overload

from django.tasks.exceptions import InvalidTask

from monolith.composition import composed
from monolith.contracts.messages import Message
from monolith.events.envelope import read_envelope
from monolith.jobs.runner import GiveUp
from monolith.jobs.task import BACKEND, ModuleTask, Retry, require_valid

type Handler[M: Message] = Callable[[M], None]
type AnySubscriber = Subscriber[Any]

DEFAULT_LIMIT_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber[M: Message](ModuleTask[[M], None]):
    """A subscriber of a module: a task whose jobs are the messages that came for it."""

    message: type[M]

    def call(self, *args: Any, **kwargs: Any) -> None:
        """Hand over the message of an envelope. Raises MessageUnreadable, and what the function raises.

        Raises GiveUp for a message of another environment: a copy of its database acts on nothing that it had to do.
        """
        envelope = read_envelope(args[0])
        environment = composed().environment.environment
        if envelope.environment != environment:
            raise GiveUp(
                f"the message is of the environment '{envelope.environment}', and this is '{environment}': it came "
                "with a copy of the database; discard it"
            )
        self.func(self.message.message_type.read(dict(envelope.payload), envelope.version))

    def enqueue(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a subscriber gets what is published. Raises TypeError."""
        raise TypeError(
            f"{self.module_path} is a subscriber, which gets messages; publish {self.message.__name__}, or make "
            "a @task of what is to be enqueued"
        )


class SubscriberOptions(TypedDict, total=False):
    """What `@subscriber` takes by name; as in a task, where not said otherwise."""

    time_limit_s: int
    priority: int
    retry: Retry
    transaction: bool
    memory_limit_mb: int
    heavy: bool
    parks: bool  # a dead letter holds up later messages of its key; False lets them pass


@overload
def subscriber[M: Message](function: Handler[M], /) -> Subscriber[M]: ...


@overload
def subscriber[M: Message](
    **options: Unpack[SubscriberOptions],
) -> Callable[[Handler[M]], Subscriber[M]]: ...


def subscriber(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a subscriber of a function that takes one event or command of a contract, by its annotation.

    It runs as its module in one transaction with the note that the message was handled; `transaction=False` is for
    those that use the network or call contracts, and may run again after a crash. Raises InvalidTask.
    """

    def wrap(function: Callable[..., Any]) -> Any:
        given = {"time_limit_s": DEFAULT_LIMIT_S, **options}
        found: AnySubscriber = Subscriber(
            func=function, backend=BACKEND, message=message_of(function), **given
        )
        require_valid(found)
        return found

    return wrap if function is None else wrap(function)


def message_of(function: Callable[..., Any]) -> type[Message]:
    """Return the class of the messages that a function takes. Raises InvalidTask with the fix."""
    place = f"{function.__module__}.{function.__qualname__}"
    if iscoroutinefunction(function):
        raise InvalidTask(f"{place} is async; write a subscriber with def")
    parameters = list(signature(function).parameters.values())
    if len(parameters) != 1 or parameters[0].kind not in (
        Parameter.POSITIONAL_ONLY,
        Parameter.POSITIONAL_OR_KEYWORD,
    ):
        raise InvalidTask(f"{place} takes {len(parameters)} parameters; a subscriber takes the message alone")
    annotation = get_type_hints(function).get(parameters[0].name)
    if not (
        isinstance(annotation, type)
        and issubclass(annotation, Message)
        and hasattr(annotation, "message_type")
    ):
        raise InvalidTask(
            f"{place}({parameters[0].name}) is {annotation!r}; annotate it with the Event or Command it is for"
        )
    return annotation
