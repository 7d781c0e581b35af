"""Whether profile, modules and environment fit together: every way in which they may not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from monolith.addresses import remote_origin
from monolith.analytics import read_analytics_url
from monolith.environment import (
    CONTRACT_KEYS_PREFIX,
    MIN_KEY_LENGTH,
    REMOTE_PREFIX,
    Environment,
    connection_parameters,
    contract_keys,
    module_urls,
    remote_urls,
)
from monolith.errors import TierViolation
from monolith.module import Module, Need, name_problem
from monolith.profile import Profile

# libpq reads the last three by itself, past anything that is composed here.
FORBIDDEN_IN_PUBLIC: Final = (
    "MONOLITH_SECRET_KEY",
    "MONOLITH_ADMIN_URL",
    "MONOLITH_ANALYTICS_URL",
    "MONOLITH_BROKER_CREDENTIALS",
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
        yield from (
            f"module {module.name!r} has the consumer {each.name!r}; begin its name with '{module.name}_', so that no "
            "other module has one of that name"
            for each in module.consumers
            if not each.name.startswith(f"{module.name}_")
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
    # By prefix: a key is one also when the module that it names was renamed since.
    owners |= {name: "contract calls" for name in environ if name.startswith(CONTRACT_KEYS_PREFIX)}
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
    if not declared and profile is not Profile.MIGRATOR:  # which makes the first one
        yield "no module is declared; `manage.py startmodule NAME` makes one"
    elif declared and not composed:
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
    yield from _broker_problems(environment, environ)
    if profile is not Profile.MIGRATOR:  # which looks after every schema, wherever its module runs
        yield from _remote_problems(profile, declared, environment, environ)
    if profile is not Profile.PRIVATE:
        return
    yield from _call_problems(composed, declared, environ)
    yield from _need_problems(composed, environment)
    if environment.admin_url:
        yield "MONOLITH_ADMIN_URL is set; it is for `provision` alone. Start the private tier without it"
    if environment.tools_issuers and not environment.tools_url:
        yield (
            "MONOLITH_TOOLS_ISSUERS is set and MONOLITH_TOOLS_URL is not; say where the gateway is that takes their "
            "tokens: this process would refuse what clients get from them"
        )
    if not environment.secret_key.get_secret_value():
        yield "MONOLITH_SECRET_KEY is not set; sessions of the private tier are signed with it"
    yield from (
        f"module {module.name!r} needs the secret {secret}, which is not set"
        for module in composed.values()
        for secret in module.secrets
        if not environ.get(secret)
    )


def _broker_problems(environment: Environment, environ: Mapping[str, str]) -> Iterator[str]:
    if environment.broker_url and not environ.get("MONOLITH_ENVIRONMENT"):
        yield (
            "MONOLITH_BROKER_URL is set and MONOLITH_ENVIRONMENT is not; say which environment this is (production, "
            "staging, ...): messages of another one, as in a copy of its data, are not sent"
        )
    if environment.broker_credentials and not environment.broker_url:
        yield "MONOLITH_BROKER_CREDENTIALS is set and MONOLITH_BROKER_URL is not; say where that broker is"


def _remote_problems(
    profile: Profile, declared: Mapping[str, Module], environment: Environment, environ: Mapping[str, str]
) -> Iterator[str]:
    for name, url in remote_urls(environ).items():
        setting = f"{REMOTE_PREFIX}{name.upper()}"
        if name not in declared:
            yield f"{setting} names no declared module; known: {', '.join(sorted(declared))}"
        if profile is Profile.PUBLIC:
            yield f"{setting} is set; the public tier holds no key and calls no other process. Start it without"
        if name in environment.modules:
            yield f"MONOLITH_MODULES composes '{name}' here and {setting} places it elsewhere; remove one of them"
        try:
            remote_origin(url)
        except ValueError as error:
            yield f"{setting}: {error}"


def _need_problems(composed: Mapping[str, Module], environment: Environment) -> Iterator[str]:
    url = environment.analytics_url.get_secret_value()
    needing = [name for name, module in composed.items() if Need.ANALYTICS in module.needs]
    if not url or not needing:
        return
    try:
        read_analytics_url(url)
    except ValueError as error:
        yield f"MONOLITH_ANALYTICS_URL, which {', '.join(map(repr, needing))} would use, is {error}"


def _call_problems(
    composed: Mapping[str, Module], declared: Mapping[str, Module], environ: Mapping[str, str]
) -> Iterator[str]:
    remotes, keys = remote_urls(environ), contract_keys(environ)
    for name, values in keys.items():
        setting = f"{CONTRACT_KEYS_PREFIX}{name.upper()}"
        if name not in declared:
            yield f"{setting} names no declared module; known: {', '.join(sorted(declared))}"
        if any(len(key.get_secret_value()) < MIN_KEY_LENGTH for key in values):
            yield (
                f"{setting} has a key of less than {MIN_KEY_LENGTH} characters; make one with `openssl rand -hex 32`"
            )
    for module in composed.values():
        for other in module.requires:
            if other in remotes and not keys.get(other):
                yield (
                    f"{CONTRACT_KEYS_PREFIX}{other.upper()} is not set; calls of '{module.name}' to '{other}', which "
                    f"runs elsewhere, are signed with it"
                )
            if other not in composed and other not in remotes:
                yield (
                    f"module '{module.name}' calls '{other}', which is not here; add it to MONOLITH_MODULES, or say "
                    f"where it runs with {REMOTE_PREFIX}{other.upper()}"
                )
