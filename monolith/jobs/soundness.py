"""What is wrong with tasks that can be made all the same, each with what to do about it."""

from collections.abc import Iterator
from importlib import import_module
from typing import Literal, NamedTuple

from monolith.jobs.registry import has_tasks, owner_of
from monolith.jobs.task import AnyTask, ModuleTask
from monolith.module import Module


class Problem(NamedTuple):
    """One thing that is wrong with a task."""

    rule: Literal["limit", "lease"]
    message: str
    fix: str


def declared_tasks(module: Module) -> list[AnyTask]:
    """Return the tasks that stand in a module's tasks file; raises what importing that raises."""
    if not has_tasks(module):
        return []
    found = vars(import_module(module.tasks_module)).values()
    return [
        value
        for value in found
        if isinstance(value, ModuleTask) and owner_of(value.module_path) == module.name
    ]


def problems_of(task: AnyTask) -> Iterator[Problem]:
    """Yield what is wrong with a task's limits."""
    if not task.time_limit_s:
        yield Problem(
            "limit",
            f"{task.name} has no time limit",
            "write @task(time_limit_s=…), the seconds after which an attempt is ended: one that hangs keeps its worker",
        )
    if task.lease_s and task.lease_s <= task.time_limit_s:
        yield Problem(
            "lease",
            f"{task.name} may take {task.time_limit_s} s, and its lease ends after {task.lease_s} s",
            "leave lease_s out, or make it longer than time_limit_s: who holds no lease is not alone",
        )
