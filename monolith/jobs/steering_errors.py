"""What can stand in the way of steering jobs; each message says what to do.

SteeringError
├── ModuleUnknown        there is no such module
├── ModuleElsewhere      the module does not run in this process, so its rows are out of reach
├── ModuleNotSaid        every module has that task, and nobody said whose is meant
├── TaskNotFound         this process has no such task
├── JobNotFound          the module has no such job
├── JobNotSteerable      the job is in a state in which that cannot be done to it
├── SubscriberNotFound   no module here has such a subscriber
├── PositionNotSettable  the module has not read that log, or it begins later
├── ConsumerNotRemovable something still reads as it, or there is none
├── ScheduleNotFound     the module has no such schedule
└── SingletonNotFound    no module here has such a singleton
"""

from collections.abc import Iterable
from difflib import get_close_matches

from monolith.errors import MonolithError


class SteeringError(MonolithError):
    """Base of the errors about steering jobs."""


class ModuleUnknown(SteeringError):
    """There is no such module."""

    def __init__(self, module: str, *, known: Iterable[str]) -> None:
        super().__init__(f"There is no module {module!r}. There are {', '.join(sorted(known))}.")


class ModuleElsewhere(SteeringError):
    """The module is not composed in this process."""

    def __init__(self, module: str, *, address: str, here: Iterable[str]) -> None:
        self.module = module
        self.address = address
        place = f"runs at {address}" if address else "is not part of this process"
        super().__init__(
            f"'{module}' {place}, and its jobs can be seen and steered in its own process alone. "
            f"Run `manage.py jobs` there; here are {', '.join(here)}."
        )


class ModuleNotSaid(SteeringError):
    """Every module has that task."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Every module has the task {path}: say which module's is meant.")


class TaskNotFound(SteeringError):
    """This process has no task of that name."""

    def __init__(self, path: str, *, known: Iterable[str]) -> None:
        self.path = path
        known = sorted(known)
        # By their own names too: of a dotted name people remember the end.
        ends = {name.rpartition(".")[2]: name for name in known}
        near = get_close_matches(path, known, n=3) or [
            ends[end] for end in get_close_matches(path.rpartition(".")[2], ends, n=3)
        ]
        listed = near or known
        super().__init__(
            f"No module here has a task {path!r}. {'Did you mean' if near else 'There are'}: "
            f"{', '.join(listed) or 'none'}."
        )


class JobNotFound(SteeringError):
    """The module has no such job."""

    def __init__(self, module: str, job: int) -> None:
        super().__init__(
            f"'{module}' has no job {job}; it may have been forgotten. `manage.py jobs list` lists them."
        )


class JobNotSteerable(SteeringError):
    """The job is in a state in which that cannot be done to it."""


class SubscriberNotFound(SteeringError):
    """No module of this process has such a subscriber."""

    def __init__(self, name: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"No module here has a subscriber {name!r}. There are: {', '.join(sorted(known)) or 'none'}."
        )


class PositionNotSettable(SteeringError):
    """The module has not read such a log, or no log has such a position."""

    def __init__(self, module: str, position: int, *, known: Iterable[str]) -> None:
        super().__init__(
            f"{position} is no position that '{module}' can be set to: it is 0 or more, of one of the logs that it has "
            f"read (--stream): {', '.join(sorted(known)) or 'none'}."
        )


class ConsumerNotRemovable(SteeringError):
    """A module still declares the consumer, or the broker has none of that name."""


class ScheduleNotFound(SteeringError):
    """The module has no such schedule."""

    def __init__(self, module: str, name: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"'{module}' has no schedule {name!r}. It has: {', '.join(sorted(known)) or 'none'}. Declared ones that "
            f"are not listed get their rows at the next deployment."
        )


class SingletonNotFound(SteeringError):
    """No module of this process declares such a singleton."""

    def __init__(self, name: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"No module here has a singleton {name!r}. There are: {', '.join(sorted(known)) or 'none'}."
        )
