"""What module.py declares against what the code does: powers that are missing, and powers that nobody needs."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Final

from monolith.module import Module, Tier
from monolith.verification.imports import is_within
from monolith.verification.source import Argument, Call, Source
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

REQUIRE: Final = frozenset({"monolith.contracts.require", "monolith.contracts.dispatcher.require"})
_STEERING: Final = (
    "monolith.jobs.steering",
    "monolith.jobs.steering_schedules",
    "monolith.events.steering",
    "monolith.events.positions",
    "monolith.events.correlations",
    "monolith.events.inbox",
)
# What runs jobs and moves messages: it enters the module that it is told to.
_LOOP: Final = tuple(
    f"monolith.jobs.{name}"
    for name in ("cluster", "keeper", "leases", "records", "schedules", "singletons", "worker")
) + tuple(
    f"monolith.events.{name}" for name in ("consumer", "courier", "couriers", "outbox", "publishing", "relay")
)
_ENVIRONMENT: Final = frozenset({"os.environ", "os.environ.get", "os.environ.pop", "os.getenv"})


def declaration_violations(system: System) -> Iterator[Violation]:
    """Yield every difference between a declaration and the module's code."""
    for module in system.modules.values():
        yield from _requires(system, module)
        yield from _secrets(system, module)
        yield from _environment(system, module)
        yield from _steering(system, module)
        yield from _names(system, module)
        yield from _routers(system, module)


def _requires(system: System, module: Module) -> Iterator[Violation]:
    called = set()
    for file, call in _calls(system, module):
        other = (
            system.promiser_of(call.arguments[0].name) if call.name in REQUIRE and call.arguments else None
        )
        if other is None:
            continue
        called.add(other)
        if other not in module.requires:
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.DECLARATIONS_REQUIRES,
                module=module.name,
                message=f"calls '{other}', which `requires` does not list",
                fix=f"add {other!r} to `requires` in module.py, or do without the call",
            )
    for other in module.requires:
        if other not in called:
            yield Violation(
                place=system.declared_at(module.name, other),
                code=Code.DECLARATIONS_UNUSED_REQUIRES,
                module=module.name,
                message=f"requires '{other}' and never calls it",
                fix=f"take {other!r} out of `requires`: a power that is not used is only there to be abused",
            )


def _calls(system: System, module: Module) -> Iterator[tuple[Source, Call]]:
    return ((file, call) for file in system.sources[module.name] for call in file.calls)


def _secrets(system: System, module: Module) -> Iterator[Violation]:
    reads = [
        (Place(file.path, call.line), call.argument(0, "module"), call.argument(1, "name"))
        for file, call in _calls(system, module)
        if call.method == "secret" and len(call.arguments) + len(call.keywords) == 2
    ]
    read = {_value(system, name) for _, _, name in reads} | {
        name for _, name in _environment_reads(system, module)
    }
    for place, owner, name in reads:
        yield from _secret(module, place, _value(system, owner) or module.name, _value(system, name))
    for declared in module.secrets:
        if declared not in read and None not in read:
            yield Violation(
                place=system.declared_at(module.name, declared),
                code=Code.DECLARATIONS_UNUSED_SECRET,
                module=module.name,
                message=f"declares the secret {declared} and never reads it",
                fix="take it out of `secrets`: no process should hold what nobody uses",
            )


def _secret(module: Module, place: Place, owner: str, name: str | None) -> Iterator[Violation]:
    if owner != module.name:
        message, fix = (
            f"reads {name} as module '{owner}'",
            "ask that module's contract for what the secret is needed for",
        )
    elif name is not None and name not in module.secrets:
        message, fix = (
            f"reads the secret {name}, which `secrets` does not list",
            f"add {name!r} to `secrets` in module.py",
        )
    else:
        return
    yield Violation(place=place, code=Code.DECLARATIONS_SECRET, module=module.name, message=message, fix=fix)


def _value(system: System, argument: Argument | None) -> str | None:
    """Return the text that an argument stands for, here or in another file of the project; None if it is not said."""
    if argument is None or argument.text is not None or not argument.name:
        return argument.text if argument else None
    file, _, constant = argument.name.rpartition(".")
    source = system.source_of(file)
    return source.constants.get(constant) if source else None


def _environment(system: System, module: Module) -> Iterator[Violation]:
    owners = {name: other.name for other in system.modules.values() for name in other.secrets}
    for place, name in _environment_reads(system, module):
        if owner := owners.get(name):
            yield Violation(
                place=place,
                code=Code.DECLARATIONS_SECRET_IN_ENVIRONMENT,
                module=module.name,
                message=f"reads {name}, a secret of '{owner}', from the environment",
                fix=f"read composed().secret({owner!r}, {name!r}): once a process serves, its environment has no secret"
                if owner == module.name
                else "ask that module's contract for what the secret is needed for",
            )


def _environment_reads(system: System, module: Module) -> Iterator[tuple[Place, str]]:
    for file in system.sources[module.name]:
        for call in (*file.calls, *file.items):
            if call.name in _ENVIRONMENT and call.arguments:
                yield Place(file.path, call.line), _value(system, call.arguments[0]) or ""


def _steering(system: System, module: Module) -> Iterator[Violation]:
    steers = False
    for file in system.sources[module.name]:
        for found in file.imports:
            steers = steers or _is_one_of(found.name, _STEERING)
            if _is_one_of(found.name, _STEERING) and not module.steers_jobs:
                message, fix = (
                    "steers jobs, which it does not declare",
                    "ask the scheduler, or set steers_jobs=True",
                )
            elif _is_one_of(found.name, _LOOP):
                message, fix = (
                    f"imports {found.name}, which runs as any module",
                    f"use what {'.'.join(found.name.split('.')[:2])} exports",
                )
            else:
                continue
            yield Violation(
                place=Place(file.path, found.line),
                code=Code.DECLARATIONS_STEERING,
                module=module.name,
                message=message,
                fix=fix,
            )
    if module.steers_jobs and not steers:
        yield Violation(
            place=system.declared_at(module.name),
            code=Code.DECLARATIONS_UNUSED_STEERING,
            module=module.name,
            message="declares steers_jobs and never steers any",
            fix="take it out: a power that is not used is only there to be abused",
        )


def _is_one_of(name: str, files: Iterable[str]) -> bool:
    return any(is_within(name, file) for file in files)


def _names(system: System, module: Module) -> Iterator[Violation]:
    for keyword, name in _dotted_names(module):
        if name and not _file_exists(system, name):
            yield _missing(system, module, keyword, name, "there is no such file")
    for keyword, name in (("tasks", module.tasks), ("subscribers", module.subscribers)):
        outside = name and not is_within(name, module.django_app)
        if outside and _file_exists(system, name):
            what = f"that is not in {module.django_app}: nothing in it is found"
            yield _missing(system, module, keyword, name, what)
    file, _, function = module.sample_data.rpartition(".")
    source = system.source_of(file)
    if module.sample_data and (source is None or not source.binds(function)):
        yield _missing(system, module, "sample_data", module.sample_data, "there is no such function")


def _dotted_names(module: Module) -> Iterator[tuple[str, str]]:
    yield "routes", module.routes
    yield "contract", module.contract
    yield "api", module.api
    yield "tasks", module.tasks
    yield "subscribers", module.subscribers


def _file_exists(system: System, name: str) -> bool:
    try:
        return system.source_of(name) is not None or find_spec(name) is not None
    except ImportError:  # of a package around it
        return False


def _missing(system: System, module: Module, keyword: str, name: str, what: str) -> Violation:
    return Violation(
        place=system.declared_at(module.name, name),
        code=Code.DECLARATIONS_NAME,
        module=module.name,
        message=f"{keyword} says {name!r}, and {what}",
        fix="correct the name, or write what it names",
    )


def _routers(system: System, module: Module) -> Iterator[Violation]:
    file = system.source_of(module.routes) if module.routes else None
    if file is None:
        return
    served = [tier for tier in (Tier.PUBLIC, Tier.PRIVATE) if file.binds(str(tier.name).lower())]
    for tier in served:
        if tier not in module.tier:
            router = str(tier.name).lower()
            yield Violation(
                place=Place(file.path, file.lines.get(router, 1)),
                code=Code.DECLARATIONS_ROUTER,
                module=module.name,
                message=f"has a router `{router}`, and is not of that tier: it is not served",
                fix=f"remove the router, or add Tier.{tier.name} in module.py",
            )
    if not served:
        yield Violation(
            place=Place(file.path, 1),
            code=Code.DECLARATIONS_ROUTER,
            module=module.name,
            message="has neither a router `public` nor `private`",
            fix="make one a ninja.Router(), or leave `routes` empty",
        )
