"""Tasks: where they stand, what they may take, and what they do inside a transaction."""

from collections.abc import Iterator
from typing import Final

from monolith.composition import composed
from monolith.jobs.soundness import declared_tasks, problems_of
from monolith.jobs.task import AnyTask
from monolith.module import Module
from monolith.verification.declarations import REQUIRE
from monolith.verification.imports import is_within
from monolith.verification.loading import failure
from monolith.verification.source import Call, Definition, Source
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

_KINDS: Final = dict.fromkeys(
    ("monolith.jobs.task", "monolith.jobs.task.task", "django.tasks.task", "django.tasks.base.task"), "task"
) | dict.fromkeys(("monolith.jobs.singleton", "monolith.jobs.singleton.singleton"), "singleton")
_ASYNC_TASK: Final = "django_q.tasks.async_task"
_SCHEDULES: Final = ("django_q.tasks.schedule", "django_q.models.Schedule", "django_q.models.Schedule.")
_NETWORK: Final = frozenset(
    {"aiohttp", "ftplib", "httpx", "httpx2", "imaplib", "requests", "smtplib", "socket", "urllib3"}
)
_NETWORK_PARTS: Final = ("http.client.", "urllib.request.")
OUTSIDE: Final = (
    "give the {} transaction=False and write in a short atomic() once the answer is there; locks are not held over a "
    "network"
)
_RULES: Final = {"limit": Code.TASKS_LIMIT, "lease": Code.TASKS_LEASE}


def task_violations(system: System) -> Iterator[Violation]:
    """Yield everything that is wrong with tasks. Needs loaded apps."""
    for module in composed().modules.values():
        for file in system.sources[module.name]:
            yield from _strays(system, module, file)
            yield from _queued_by_name(system, module, file)
            yield from _other_schedules(module, file)
        try:
            tasks = declared_tasks(module)
        except Exception as error:  # noqa: BLE001 (whatever the file raises is what is wrong with it)
            yield failure(system, error)
            continue
        for task in tasks:
            yield from _of_task(system, module, task)


def _of_task(system: System, module: Module, task: AnyTask) -> Iterator[Violation]:
    file = system.source_of(task.func.__module__)
    function = file.definitions.get(task.name) if file else None
    place = Place(file.path, function.line) if file and function else Place()
    for problem in problems_of(task):
        yield Violation(
            place=place,
            code=_RULES[problem.rule],
            module=module.name,
            message=problem.message,
            fix=problem.fix,
        )
    for line, what in waits(file, function) if file and function and task.transaction else ():
        yield Violation(
            place=Place(file.path if file else "", line),
            code=Code.TASKS_TRANSACTION,
            module=module.name,
            message=f"{task.name} {what} inside its transaction",
            fix=OUTSIDE.format("task"),
        )


def waits(file: Source, function: Definition) -> Iterator[tuple[int, str]]:
    """Yield where a function waits for what is no database, and in words for what."""
    for call in file.calls:
        if function.holds(call.line) and (what := _waits_for(call)):
            yield call.line, what


def _waits_for(call: Call) -> str:
    """Say what a call waits for that is no database; empty for all else."""
    if call.name in REQUIRE:
        return "calls a contract"
    if call.name.partition(".")[0] in _NETWORK or call.name.startswith(_NETWORK_PARTS):
        return f"calls {call.name}"
    return ""


def _strays(system: System, module: Module, file: Source) -> Iterator[Violation]:
    # A tasks file that is outside the app is wrong already.
    if file.name == module.tasks_module or not is_within(module.tasks_module, module.django_app):
        return
    tasks = system.source_of(module.tasks_module)
    shown = {found.name for found in tasks.imports} if tasks else set()
    for definition in file.definitions.values():
        kind = next((_KINDS[name] for name in definition.decorators if name in _KINDS), "")
        if kind and f"{file.name}.{definition.name}" not in shown:
            yield Violation(
                place=Place(file.path, definition.line),
                code=Code.TASKS_PLACE,
                module=module.name,
                message=f"{definition.name} is a {kind} outside {module.tasks_module}, and workers look there",
                fix=f"move it to {module.tasks_module}, or import it there",
            )


def _queued_by_name(system: System, module: Module, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        given = call.argument(0, "func") if call.name == _ASYNC_TASK else None
        name = (given.text if given else None) or ""
        # Of another module's code the look-ups say what is wrong.
        if system.owner_of(name) != module.name:
            continue
        around, _, function = name.rpartition(".")
        source = system.source_of(around)
        if source is None or not source.binds(function):
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.TASKS_NAME,
                module=module.name,
                message=f"queues {name!r}, and there is no such function",
                fix="correct the name, or import the task and call its enqueue()",
            )


def _other_schedules(module: Module, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        if call.name in _SCHEDULES or call.name.startswith(_SCHEDULES[-1]):
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.TASKS_SCHEDULE,
                module=module.name,
                message="keeps a schedule of django-q2, which nothing fires",
                fix="give a @task of monolith.jobs every= or cron=",
            )
