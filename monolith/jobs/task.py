"""`@task`: a function of a module that runs later, in a worker process, as that module.

A `django.tasks` task with what a worker needs to know about it: how long it may take, how often it is tried, what it
must not run beside, and when it is due again.
"""

import enum
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from inspect import iscoroutinefunction, signature
from string import Formatter
from typing import TYPE_CHECKING, Any, Concatenate, Final, Literal, Required, TypedDict, Unpack, overload

from django.tasks import Task, TaskContext, task_backends
from django.tasks.exceptions import InvalidTask

if TYPE_CHECKING:
    from datetime import datetime

# Django's classes are generic in its stubs alone; an alias is not evaluated.
type DjangoTask = Task[..., Any]
type AnyTask = ModuleTask[..., Any]

BACKEND: Final = "default"
LEASE_MARGIN_S: Final = 15  # a lease ends this much after the limit, or later: the process is killed before
MAX_KEY_BYTES: Final = 500  # an index holds no entry of a third of a page (8 kB)
DEFAULT_MEMORY_MB: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a job is tried, and how long it rests in between: doubling pauses, each shortened at random."""

    attempts: int = 5
    first_s: float = 1.0  # the longest pause after the first attempt
    max_s: float = 3600.0

    def pause_s(self, attempts: int) -> float:
        """Return how long to rest after so many attempts, in seconds: half of the doubling pause up to all of it."""
        longest = min(self.max_s, self.first_s * 2.0 ** min(attempts - 1, 64))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


ONCE: Final = Retry(attempts=1)
"""For what must not be tried again by itself."""


class CatchUp(enum.Enum):
    """What happens to the ticks of a schedule that passed while no worker ran."""

    LATEST = "latest"  # one job for all of them
    SKIP = "skip"  # none; the next one is the next that comes
    ALL = "all"  # one job each, oldest first, the last MAX_CAUGHT_UP of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a task is due by itself: either `every` so often, or when a cron expression says."""

    every: timedelta | None = None
    cron: str = ""  # five fields; days and hours as clocks in `timezone` show them
    timezone: str = "UTC"
    jitter: timedelta = timedelta()  # each job starts up to this much later than its tick
    catch_up: CatchUp = CatchUp.LATEST


if TYPE_CHECKING:

    class _Task[**P, R](Task[P, R]):
        pass

else:

    class _Task[**P, R](Task):
        __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleTask[**P, R](_Task[P, R]):
    """A task of a module."""

    time_limit_s: int = (
        0  # whole seconds that one attempt may take; 0 means nobody said, which `verify` refuses
    )
    memory_limit_mb: int = DEFAULT_MEMORY_MB  # that one attempt may add to its process
    retry: Retry = field(default_factory=Retry)
    transaction: bool = (
        True  # the function runs inside one transaction of its module, together with its completion
    )
    heavy: bool = False  # one at a time per host
    lease_s: int = 0  # 0 means the limit and LEASE_MARGIN_S
    dedupe_key: str = (
        ""  # "walk:{slug}": as long as such a job waits for its start, another one is not enqueued
    )
    concurrency_key: str = ""  # "walk:{slug}": such jobs run one at a time
    timing: Timing | None = None  # when it is due by itself
    announce: bool = False  # the end of each job is told as JobFinished; with a schedule it always is
    parks: bool = True  # a dead one of an ordered key holds up those that follow; only messages have one

    @property
    def lease_seconds(self) -> int:
        return self.lease_s or self.time_limit_s + LEASE_MARGIN_S

    def using(
        self,
        *,
        priority: int | None = None,
        queue_name: str | None = None,
        run_after: "datetime | None" = None,
        backend: str | None = None,
    ) -> "ModuleTask[P, R]":
        """Return the task with another priority, queue, backend, or with a time before which it does not run."""
        given: dict[str, Any] = {
            "priority": priority,
            "queue_name": queue_name,
            "run_after": run_after,
            "backend": backend,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def key(self, template: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Fill in a dedupe or concurrency key with the arguments of a call."""
        if not template:
            return ""
        key = template.format_map(self.bound(args, kwargs))
        if len(key.encode()) > MAX_KEY_BYTES:
            raise ValueError(
                f"{self.module_path}: a key is at most {MAX_KEY_BYTES} bytes, {key[:50]!r}… is longer"
            )
        return key

    def bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call by name, with their defaults. Raises TypeError when they do not fit."""
        context = (None,) if self.takes_context else ()
        arguments = signature(self.func).bind(*context, *args, **kwargs)
        arguments.apply_defaults()
        return dict(arguments.arguments)


class TaskOptions(TypedDict, total=False):
    """What `@task` takes by name: the fields of ModuleTask, and those of Timing."""

    time_limit_s: Required[int]
    priority: int
    retry: Retry
    transaction: bool
    memory_limit_mb: int
    heavy: bool
    lease_s: int
    dedupe_key: str
    concurrency_key: str
    announce: bool
    every: timedelta | None
    cron: str
    timezone: str
    jitter: timedelta
    catch_up: CatchUp


@overload
def task[**P, R](function: Callable[P, R], /) -> ModuleTask[P, R]: ...


@overload
def task[**P, R](
    *, takes_context: Literal[True], **options: Unpack[TaskOptions]
) -> Callable[["Callable[Concatenate[TaskContext[Any, Any], P], R]"], ModuleTask[P, R]]: ...


@overload
def task[**P, R](
    *, takes_context: Literal[False] = ..., **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], ModuleTask[P, R]]: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    every: timedelta | None = None,
    cron: str = "",
    timezone: str = "UTC",
    jitter: timedelta = timedelta(),
    catch_up: CatchUp = CatchUp.LATEST,
    backend: str = BACKEND,
    **options: Any,
) -> Any:
    """Make a task of a function at the top level of a module's app.

    The options are the fields of ModuleTask, and of Timing for a task that is due by itself. Async functions are
    welcome; they run outside a transaction, so they need `transaction=False`. Raises InvalidTask for what cannot be.
    """
    if every is not None or cron:
        options["timing"] = Timing(
            every=every, cron=cron, timezone=timezone, jitter=jitter, catch_up=catch_up
        )

    def wrap(function: Callable[..., Any]) -> Any:
        return task_backends[backend].task_class(func=function, backend=backend, **options)

    return wrap if function is None else wrap(function)


def require_valid(task: DjangoTask) -> None:
    """Raise InvalidTask, saying what to do, unless the options of `task` fit together and to its function."""
    if not isinstance(task, ModuleTask):
        return
    for problem in _problems(task):
        raise InvalidTask(f"{task.module_path}: {problem}")


def _problems(task: AnyTask) -> list[str]:
    problems = []
    if task.time_limit_s != int(task.time_limit_s) or task.time_limit_s < 0:
        problems.append("time_limit_s is a whole number of seconds, more than 0")
    if task.retry.attempts < 1:
        problems.append("retry needs at least one attempt")
    if iscoroutinefunction(task.func) and task.transaction:
        problems.append("Django has no transactions in async code; give an async task transaction=False")
    names = {*signature(task.func).parameters} - ({"context"} if task.takes_context else set())
    for option in ("dedupe_key", "concurrency_key"):
        fields = {name for _, name, _, _ in Formatter().parse(getattr(task, option)) if name is not None}
        if unknown := sorted(
            name for name in fields if name.partition(".")[0].partition("[")[0] not in names
        ):
            problems.append(f"{option} names {', '.join(unknown)}, which its function does not take")
    if task.timing is not None:
        problems += _timing_problems(task, task.timing)
    return problems


def _timing_problems(task: AnyTask, timing: Timing) -> list[str]:
    from monolith.jobs.ticks import timing_problems

    problems = timing_problems(timing)
    needed = [
        name
        for name, parameter in signature(task.func).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind
        in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and not (name == "context" and task.takes_context)
    ]
    if needed:
        problems.append(f"a schedule calls without arguments, and its function needs {', '.join(needed)}")
    return problems
