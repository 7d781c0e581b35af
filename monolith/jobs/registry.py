"""The tasks of this process's modules, found by their dotted names."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final

from django.utils.module_loading import import_string

from monolith.boundary import belongs
from monolith.composition import composed
from monolith.jobs.task import AnyTask, ModuleTask
from monolith.module import FRAMEWORK_LABEL, Module

# Of the framework's own tasks each module has its own jobs, as it has its own set of the framework's tables.
FRAMEWORK_TASKS: Final = ("monolith.jobs.retention", "monolith.events.gate")


def owner_of(path: str) -> str | None:
    """Return the module in whose app the dotted name `path` is, FRAMEWORK_LABEL for a task that every module has;
    None for what is nobody's.
    """
    if path.rpartition(".")[0] in FRAMEWORK_TASKS:
        return FRAMEWORK_LABEL
    for name, module in composed().declared.items():
        if path.startswith(f"{module.django_app}."):
            return name
    return None


def belongs_to(path: str, module: str) -> bool:
    """Say whether the task of a dotted name is one of `module`'s, or one that every module has."""
    owner = owner_of(path)
    return owner is not None and belongs(owner, module)


@cache
def tasks() -> Mapping[str, AnyTask]:
    """Return every task that a composed module has in its tasks file, its subscribers, and the framework's tasks, by
    dotted name.
    """
    files = {module.tasks_module: name for name, module in composed().modules.items() if has_tasks(module)}
    files |= {
        module.subscribers_module: name
        for name, module in composed().modules.items()
        if has_subscribers(module)
    }
    files |= dict.fromkeys(FRAMEWORK_TASKS, FRAMEWORK_LABEL)
    found = {
        value.module_path: value
        for file, owner in files.items()
        for value in vars(import_module(file)).values()
        if isinstance(value, ModuleTask) and owner_of(value.module_path) == owner
    }
    return MappingProxyType(found)


def tasks_of(module: str) -> dict[str, AnyTask]:
    """Return the tasks of one module by dotted name, the framework's included."""
    return {path: task for path, task in tasks().items() if belongs_to(path, module)}


def has_tasks(module: Module) -> bool:
    """Say whether the module has a tasks file."""
    return _exists(module.tasks_module)


def has_subscribers(module: Module) -> bool:
    """Say whether the module has a file of subscribers."""
    return _exists(module.subscribers_module)


def _exists(dotted: str) -> bool:
    try:
        return find_spec(dotted) is not None
    except ModuleNotFoundError:  # its package
        return False


def find(path: str) -> AnyTask | None:
    """Return the task of a dotted name; None when this process has none of that name.

    A plain function of a module's app, which django-q2 takes as well, is found as a task with the default limits.
    """
    task = tasks().get(path)
    return task if task is not None else _found_elsewhere(path)


def runnable(path: str, module: str) -> AnyTask | None:
    """Return the task that a row of `module` names; None when it is not the module's, or not here."""
    return find(path) if belongs_to(path, module) else None


@cache
def _found_elsewhere(path: str) -> AnyTask | None:
    # Only a module's own code: a row must not be able to name any function there is.
    if owner_of(path) not in composed().modules:
        return None
    try:
        found: object = import_string(path)
    except Exception:  # noqa: BLE001 - whatever its file does when it is imported: this process does not have it
        return None
    if isinstance(found, ModuleTask):
        return found
    return (
        plain(found)
        if inspect.isfunction(found) and found.__module__ + "." + found.__qualname__ == path
        else None
    )


PLAIN_LIMIT_S = 60


def plain(function: Callable[..., Any]) -> AnyTask:
    """Return a function as a task that may take PLAIN_LIMIT_S."""
    return ModuleTask(func=function, time_limit_s=PLAIN_LIMIT_S)
