"""What there is to know about each module, from its declaration, its models, its contract and its routes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from django.apps import apps

from monolith.composition import Composition
from monolith.contracts.contract import Contract
from monolith.contracts.message_registry import messages_of
from monolith.contracts.messages import MessageKind
from monolith.contracts.registry import contracts
from monolith.events.registry import subscribers_by_type
from monolith.http.api import TierAPI
from monolith.jobs.singletons import singletons
from monolith.jobs.soundness import declared_tasks
from monolith.module import Module, PublicRelation, Tier
from monolith.overview.timings import due_text
from monolith.profile import Profile

_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_TIERS: Final = (("public", Tier.PUBLIC), ("private", Tier.PRIVATE))


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One route, as its OpenAPI document spells it."""

    path: str
    method: str
    tier: str


@dataclass(frozen=True, slots=True)
class Provided:
    """One operation of a contract."""

    name: str  # with its version, from the second on: v2.search
    kind: str


@dataclass(frozen=True, slots=True)
class Published:
    """One event that a module publishes, or one command that it is sent."""

    name: str
    version: int
    external: bool  # subscribers are outside of this system


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber of a module."""

    message: str  # knowledge.NoteChanged
    subscriber: str  # the name of its function


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One task of a module."""

    name: str  # of its function
    due: str  # when by itself, for people; empty where somebody has to enqueue it
    time_limit_s: int
    memory_limit_mb: int
    heavy: bool  # one at a time per host
    transaction: bool  # runs inside one


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One module."""

    name: str  # also its schema
    summary: str
    tiers: tuple[str, ...]
    placement: str  # "here", "elsewhere", or the address of the process that runs it
    tables: tuple[str, ...]  # and views, its own; every schema has the framework's too
    public_relations: tuple[str, ...]  # with their columns where not all are public
    provides: tuple[Provided, ...]
    requires: tuple[str, ...]
    publishes: tuple[Published, ...]  # events
    handles: tuple[Published, ...]  # commands
    subscribes: tuple[Subscription, ...]
    routes: tuple[Route, ...]
    tasks: tuple[TaskEntry, ...]  # its own; every module has the framework's too
    singletons: tuple[str, ...]  # of which one process leads each
    secrets: tuple[str, ...]  # names
    needs: tuple[str, ...]


def entries(composition: Composition, remotes: Mapping[str, str]) -> list[Entry]:
    """Return every declared module; tables, tasks, subscribers and routes only of those that are composed.

    `remotes` are addresses. Raises CompositionError when contracts or routes are not sound.
    """
    promised = contracts()
    routes = dict(_routes(composition))
    return [
        Entry(
            name=module.name,
            summary=module.summary,
            tiers=tuple(tier for tier, flag in _TIERS if flag in module.tier),
            placement=remotes.get(module.name, "here" if module.name in composition.modules else "elsewhere"),
            tables=_tables(module) if module.name in composition.modules else (),
            public_relations=tuple(map(_relation, module.public_relations)),
            provides=tuple(_provided(promised[module.name])),
            requires=module.requires,
            publishes=tuple(_messages(module, MessageKind.EVENT)),
            handles=tuple(_messages(module, MessageKind.COMMAND)),
            subscribes=tuple(_subscriptions(module)) if module.name in composition.modules else (),
            routes=routes.get(module.name, ()),
            singletons=tuple(_singletons(module)) if module.name in composition.modules else (),
            tasks=tuple(_tasks(module)) if module.name in composition.modules else (),
            secrets=module.secrets,
            needs=tuple(need.value for need in module.needs),
        )
        for module in composition.declared.values()
    ]


def _tables(module: Module) -> tuple[str, ...]:
    models = apps.get_app_config(module.name).get_models(include_auto_created=True)
    return tuple(sorted({model._meta.db_table for model in models if not model._meta.proxy}))


def _relation(relation: PublicRelation) -> str:
    return f"{relation.name} ({', '.join(relation.columns)})" if relation.columns else relation.name


def _provided(versions: tuple[Contract, ...]) -> Iterator[Provided]:
    for contract in versions:
        prefix = "" if contract.version == 1 else f"v{contract.version}."
        for operation in contract.operations.values():
            yield Provided(f"{prefix}{operation.name}", operation.kind.value)


def _messages(module: Module, kind: MessageKind) -> Iterator[Published]:
    for declared in (message.message_type for message in messages_of(module)):
        if declared.kind is kind:
            yield Published(declared.name.rpartition(".")[2], declared.version, declared.external)


def _subscriptions(module: Module) -> Iterator[Subscription]:
    for name, subscribers in sorted(subscribers_by_type(module.name).items()):
        yield from (Subscription(name, each.name) for each in subscribers)


def _tasks(module: Module) -> Iterator[TaskEntry]:
    for task in sorted(declared_tasks(module), key=attrgetter("name")):
        yield TaskEntry(
            name=task.name,
            due=due_text(task.timing) if task.timing else "",
            time_limit_s=task.time_limit_s,
            memory_limit_mb=task.memory_limit_mb,
            heavy=task.heavy,
            transaction=task.transaction,
        )


def _singletons(module: Module) -> Iterator[str]:
    for name, singleton in singletons():
        if name == module.name:
            yield f"{singleton.work.__name__} (lease {singleton.lease_s:g} s)"


def _routes(composition: Composition) -> Iterator[tuple[str, tuple[Route, ...]]]:
    for name, module in composition.modules.items():
        public = set(_paths(Profile.PUBLIC, module)) if Profile.PUBLIC.includes(module) else set()
        everything = set(_paths(Profile.PRIVATE, module))
        found = (
            Route(path, method, "public" if (path, method) in public else "private")
            for path, method in everything | public
        )
        yield name, tuple(sorted(found))


def _paths(profile: Profile, module: Module) -> Iterator[tuple[str, str]]:
    for route, operations in TierAPI(profile, {module.name: module}).path_views():
        path = _PARAMETER.sub(r"{\1}", f"/api/{route}")
        for operation in operations:
            yield from ((path, method) for method in operation.methods if method != "HEAD")
