"""Whether profile, modules and environment fit together: every way in which they may not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from monolith.environment import Environment, connection_parameters, module_urls
from monolith.errors import TierViolation
from monolith.module import Module, name_problem
from monolith.profile import Profile

# libpq reads the last three by itself, past anything that is composed here.
FORBIDDEN_IN_PUBLIC: Final = (
    "MONOLITH_SECRET_KEY",
    "MONOLITH_ADMIN_URL",
    "PGPASSWORD",
    "PGSERVICE",
    "PGUSER",
)


def declaration_problems(modules: Sequence[Module], environment: Environment) -> Iterator[str]:
    names = [module.name for module in modules]
    for module in modules:
        if problem := name_problem(module.name):
            yield f"module {module.name!r}: {problem}"
        if names.count(module.name) > 1:
            yield f"module {module.name!r} is declared {names.count(module.name)} times; names are unique"
        yield from (
            f"module {module.name!r} requires {other!r}, which is not declared; known: {', '.join(sorted(names))}"
            for other in module.requires
            if other not in names
        )
    if cycle := _cycle({module.name: module.requires for module in modules}):
        yield f"modules require each other in a circle: {' -> '.join(cycle)}; break it with an event"
    yield from (
        f"MONOLITH_MODULES names {name!r}, which is not declared; known: {', '.join(sorted(names))}"
        for name in environment.modules
        if name not in names
    )


def _cycle(requires: Mapping[str, tuple[str, ...]]) -> list[str]:
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in finished or name not in requires:
            return []
        for other in requires[name]:
            if found := visit(other, [*path, name]):
                return found
        finished.add(name)
        return []

    for name in requires:
        if found := visit(name, []):
            return found
    return []


def refuse_secrets(modules: Sequence[Module], environ: Mapping[str, str]) -> None:
    owners = dict.fromkeys(FORBIDDEN_IN_PUBLIC, "the private tier")
    owners |= {name: f"module '{module.name}'" for module in modules for name in module.secrets}
    findings = [
        f"{name} is set; it is a secret of {owner}. Start the public tier without it."
        for name, owner in sorted(owners.items())
        if environ.get(name)
    ]
    if findings:
        raise TierViolation(findings)


def process_problems(
    profile: Profile,
    composed: Mapping[str, Module],
    declared: Mapping[str, Module],
    environment: Environment,
    environ: Mapping[str, str],
) -> Iterator[str]:
    if not composed:
        yield f"no module is left for the {profile.value} profile; MONOLITH_MODULES is {environment.modules}"
    for name, url in module_urls(environ).items():
        if name not in declared:
            yield f"DATABASE_URL_{name.upper()} names no declared module; known: {', '.join(sorted(declared))}"
        try:
            connection_parameters(url)
        except ValueError as error:
            yield f"DATABASE_URL_{name.upper()}: {error}"
        if profile is Profile.PUBLIC and name in composed:
            yield (
                f"DATABASE_URL_{name.upper()} moves '{name}' away, but a public process has one connection; serve "
                f"it by one of its own, with MONOLITH_MODULES={name} and that address as DATABASE_URL"
            )
    if profile is not Profile.PRIVATE:
        return
    if environment.admin_url:
        yield "MONOLITH_ADMIN_URL is set; it is for `provision` alone. Start the private tier without it"
    if not environment.secret_key.get_secret_value():
        yield "MONOLITH_SECRET_KEY is not set; sessions of the private tier are signed with it"
    yield from (
        f"module {module.name!r} needs the secret {secret}, which is not set"
        for module in composed.values()
        for secret in module.secrets
        if not environ.get(secret)
    )
