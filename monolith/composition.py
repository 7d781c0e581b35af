"""Assembling a process: the only place where wiring lives.

`compose` is a pure function of profile, modules and environment. Settings modules publish what it
returns; nothing else in the framework reads the environment.
"""

import secrets as random_secrets
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pydantic import SecretStr

from monolith.environment import Environment, connection_parameters, module_urls, read_environment
from monolith.errors import CompositionError, SecretNotDeclared, TierViolation
from monolith.http.settings import http_settings
from monolith.liveness import refuse_ended
from monolith.logs import logging_settings
from monolith.module import PLATFORM, Module, name_problem
from monolith.profile import Profile
from monolith.roles import RoleNames

PLATFORM_APPS: Final = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.admin",
)
# libpq reads the last three by itself, past anything that is composed here.
FORBIDDEN_IN_PUBLIC: Final = (
    "MONOLITH_SECRET_KEY",
    "MONOLITH_ADMIN_URL",
    "PGPASSWORD",
    "PGSERVICE",
    "PGUSER",
)
MIGRATOR_ENGINE: Final = "monolith.migrator"
RUNTIME_ENGINE: Final = "monolith.postgresql"


@dataclass(frozen=True, slots=True)
class Composition:
    """One process, assembled: which modules it has and what it may do."""

    profile: Profile
    modules: Mapping[str, Module]  # composed here, by name, in the order they were declared
    declared: Mapping[str, Module]  # the whole system, composed here or not
    environment: Environment
    databases: Mapping[str, Mapping[str, Any]]
    secrets: Mapping[str, Mapping[str, SecretStr]] = field(repr=False)  # by module

    @property
    def roles(self) -> RoleNames:
        return RoleNames(self.environment.role_prefix)

    def alias_of(self, module: str) -> str:
        """Return the database alias through which `module` (or PLATFORM) is reached here."""
        return module if module in self.databases else "default"

    def owner_of_alias(self, alias: str) -> str | None:
        """Return the module (or PLATFORM) whose connection an alias is; None where one alias serves every module."""
        if self.profile is not Profile.PRIVATE:
            return None
        return PLATFORM if alias == "default" else alias

    def module_of_label(self, app_label: str) -> str:
        """Return the module that owns a Django app; PLATFORM for what is nobody's."""
        return app_label if app_label in self.declared else PLATFORM

    def secret(self, module: str, name: str) -> str:
        """Return a secret's value to the module that declares it.

        Raises SecretNotDeclared for every other module.
        """
        try:
            return self.secrets[module][name].get_secret_value()
        except KeyError:
            raise SecretNotDeclared(module=module, name=name) from None

    @property
    def installed_apps(self) -> list[str]:
        host = {
            Profile.PUBLIC: ("django.contrib.staticfiles", "ninja"),
            Profile.PRIVATE: (
                *PLATFORM_APPS,
                "django.contrib.messages",
                "django.contrib.staticfiles",
                "ninja",
            ),
            Profile.MIGRATOR: ("django_pgschemas", *PLATFORM_APPS, "django.contrib.messages", "ninja"),
        }[self.profile]
        return ["monolith", *host, *(module.django_app for module in self.modules.values())]

    @property
    def middleware(self) -> list[str]:
        gate = "monolith.http.middleware.ModuleMiddleware"
        if self.profile is not Profile.PRIVATE:
            # It sends the same headers as Django's first two below, at a tenth of their cost per request.
            return [gate]
        return [
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.csp.ContentSecurityPolicyMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            gate,
        ]

    def settings(self) -> dict[str, Any]:
        """Return the Django settings of this process, to be published by a settings module."""
        published: dict[str, Any] = {
            "MONOLITH": self,
            "DEBUG": self.environment.debug,
            "SECRET_KEY": self._signing_key(),
            "ALLOWED_HOSTS": list(self.environment.allowed_hosts),
            "INSTALLED_APPS": self.installed_apps,
            "MIDDLEWARE": self.middleware,
            "ROOT_URLCONF": f"monolith.http.{self.profile.value}_urls",
            "WSGI_APPLICATION": "monolith.wsgi.application",
            # Django completes these dictionaries in place; the composition keeps its own.
            "DATABASES": {alias: deepcopy(dict(options)) for alias, options in self.databases.items()},
            "DATABASE_ROUTERS": ["monolith.router.ModuleRouter"],
        }
        published |= http_settings(self.profile, self.environment)
        published["LOGGING"] = logging_settings(self.profile, self.environment)
        if self.profile is Profile.MIGRATOR:
            published |= self._migrator_settings()
        return published

    def _signing_key(self) -> str:
        # The public tier signs nothing, and the migrator serves nothing: a key that dies with the process
        # cannot leak. The private tier's must outlive it, or every restart would end every session.
        if self.profile is Profile.PRIVATE:
            return self.environment.secret_key.get_secret_value()
        return random_secrets.token_urlsafe(48)

    def _migrator_settings(self) -> dict[str, Any]:
        schemas = {PLATFORM: list(PLATFORM_APPS)} | {m.name: [m.django_app] for m in self.modules.values()}
        return {
            "ROOT_URLCONF": "monolith.http.migrator_urls",
            "TENANTS": {"public": {"APPS": []}} | {name: {"APPS": apps} for name, apps in schemas.items()},
            "PGSCHEMAS_EXTRA_SEARCH_PATHS": ["extensions"],
        }


def compose(profile: Profile, modules: Sequence[Module], environ: Mapping[str, str]) -> Composition:
    """Assemble a process from its profile, the declared modules and its environment.

    Pure: it reads and changes nothing but its arguments. Raises CompositionError with every problem found,
    or TierViolation when a public process was handed a secret.
    """
    if profile is Profile.PUBLIC:
        _refuse_secrets(modules, environ)  # first: no other error may come to repeat a secret's value
    environment = read_environment(environ)
    problems = [*_declaration_problems(modules, environment)]
    if problems:
        raise CompositionError(problems)
    declared = {module.name: module for module in modules}
    chosen = environment.modules or tuple(declared)
    composed = {
        name: module for name, module in declared.items() if name in chosen and profile.includes(module)
    }
    problems = [*_process_problems(profile, composed, declared, environment, environ)]
    if problems:
        raise CompositionError(problems)
    return Composition(
        profile=profile,
        modules=MappingProxyType(composed),
        declared=MappingProxyType(declared),
        environment=environment,
        databases=MappingProxyType(_databases(profile, composed, environment, environ)),
        secrets=MappingProxyType(_secrets(profile, composed, environ)),
    )


def composed() -> Composition:
    """Return the composition of this process. Needs configured settings."""
    from django.conf import settings

    composition = getattr(settings, "MONOLITH", None)
    assert isinstance(composition, Composition)
    return composition


def _declaration_problems(modules: Sequence[Module], environment: Environment) -> Iterator[str]:
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


def _refuse_secrets(modules: Sequence[Module], environ: Mapping[str, str]) -> None:
    owners = dict.fromkeys(FORBIDDEN_IN_PUBLIC, "the private tier")
    owners |= {name: f"module '{module.name}'" for module in modules for name in module.secrets}
    findings = [
        f"{name} is set; it is a secret of {owner}. Start the public tier without it."
        for name, owner in sorted(owners.items())
        if environ.get(name)
    ]
    if findings:
        raise TierViolation(findings)


def _process_problems(
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


def _secrets(
    profile: Profile, composed: Mapping[str, Module], environ: Mapping[str, str]
) -> dict[str, Mapping[str, SecretStr]]:
    if profile is not Profile.PRIVATE:
        return {}
    return {
        module.name: MappingProxyType({name: SecretStr(environ[name]) for name in module.secrets})
        for module in composed.values()
    }


def _databases(
    profile: Profile, composed: Mapping[str, Module], environment: Environment, environ: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    roles = RoleNames(environment.role_prefix)
    urls = module_urls(environ)
    shared = environment.database_url

    def database(role: str, url: str = shared, **extra: Any) -> Mapping[str, Any]:
        return MappingProxyType(_database(url, role, environment.passfile) | extra)

    if profile is Profile.PUBLIC:
        # One kept connection per thread: a pool hands connections over at a fifth of the throughput (ADR 0002).
        alias = database(roles.public_reader, CONN_MAX_AGE=None)
        # The server plans a statement once per connection and not once per request. A pooler in transaction
        # mode must carry prepared statements for it (PgBouncer 1.21 and later: max_prepared_statements).
        alias["OPTIONS"].update(server_side_binding=True, prepare_threshold=3)
        return {"default": alias}
    if profile is Profile.MIGRATOR:
        return {"default": database(roles.migrator, ENGINE=MIGRATOR_ENGINE)}
    databases = {"default": database(roles.platform_rw)}
    for name in composed:
        databases[name] = database(roles.rw(name), urls.get(name, shared))
    for options in databases.values():
        # A pool per module is the bulkhead: one module that holds its connections starves itself alone.
        # reconnect_timeout: the pauses between attempts double, so a longer one outlasts the outage by as much again.
        options["OPTIONS"]["pool"] = {
            "min_size": 0,
            "max_size": 8,
            "timeout": 5,
            "reconnect_timeout": 1,
            "check": refuse_ended,
        }
    return databases


def _database(url: str, role: str, passfile: str) -> dict[str, Any]:
    parameters = connection_parameters(url)
    options: dict[str, Any] = {
        key: value for key, value in parameters.items() if key not in {"host", "port", "dbname"}
    }
    options["application_name"] = role
    if passfile:
        options["passfile"] = passfile
    return {
        "ENGINE": RUNTIME_ENGINE,
        "NAME": parameters["dbname"],
        "HOST": parameters.get("host", ""),
        "PORT": parameters.get("port", ""),
        "USER": role,
        "OPTIONS": options,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # they do not survive PgBouncer in transaction mode
    }
