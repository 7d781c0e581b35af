"""Assembling a process: the only place where wiring lives.

`compose` is a pure function of profile, modules and environment. Settings modules publish what it
returns; nothing else in the framework reads the environment.
"""

import secrets as random_secrets
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pydantic import SecretStr

from monolith.analytics import AnalyticsServer, read_analytics_url
from monolith.databases import databases
from monolith.environment import Environment, contract_keys, module_urls, read_environment, remote_urls
from monolith.errors import CompositionError, NeedNotDeclared, SecretNotDeclared
from monolith.fitness import declaration_problems, process_problems, refuse_secrets
from monolith.http.settings import http_settings
from monolith.logs import logging_settings
from monolith.module import BROKER, FRAMEWORK_LABEL, PLATFORM, Module, Need
from monolith.profile import Profile
from monolith.roles import RoleNames

PLATFORM_APPS: Final = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.admin",
    "monolith.tools",
)
BROKER_APP: Final = "monolith.events.brokers"  # the migrator's alone: it has migrations and no models
JOB_APPS: Final = ("django_q",)  # for its code; what its tables would hold is in the modules' own
# django-q2's own limits have no part in it, but it warns where they do not fit together.
Q_CLUSTER: Final = MappingProxyType(
    {
        "name": "monolith",
        "broker_class": "monolith.jobs.broker.ModuleBroker",
        "timeout": 60,
        "retry": 120,
        "scheduler": False,
        "recycle": 10_000,  # jobs until a worker process is replaced; a fresh one costs as much as about a hundred
    }
)


@dataclass(frozen=True, slots=True)
class Composition:
    """One process, assembled: which modules it has and what it may do."""

    profile: Profile
    modules: Mapping[str, Module]  # composed here, by name, in the order they were declared
    declared: Mapping[str, Module]  # the whole system, composed here or not
    environment: Environment
    databases: Mapping[str, Mapping[str, Any]]
    addresses: Mapping[str, str]  # of the modules that live on another server than the rest
    remotes: Mapping[str, str]  # where modules run that are not composed here, as far as it is said
    secrets: Mapping[str, Mapping[str, SecretStr]] = field(repr=False)  # by module
    # Of calls to modules that are composed or called here, newest first.
    contract_keys: Mapping[str, tuple[SecretStr, ...]] = field(repr=False)

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
        """Return the module that owns a Django app; PLATFORM for what is nobody's, FRAMEWORK_LABEL for the tables
        of which each module has its own, BROKER for the broker's.
        """
        if app_label in self.declared or app_label in (FRAMEWORK_LABEL, BROKER):
            return app_label
        return PLATFORM

    def secret(self, module: str, name: str) -> str:
        """Return a secret's value to the module that declares it.

        Raises SecretNotDeclared for every other module.
        """
        try:
            return self.secrets[module][name].get_secret_value()
        except KeyError:
            raise SecretNotDeclared(module=module, name=name) from None

    def analytics_server(self, module: str) -> AnalyticsServer | None:
        """Return the ClickHouse server for a module that needs analytics; None where PostgreSQL does its work.

        Raises NeedNotDeclared for every other module.
        """
        if module not in self.modules or Need.ANALYTICS not in self.modules[module].needs:
            raise NeedNotDeclared(module=module, need=Need.ANALYTICS)
        url = self.environment.analytics_url.get_secret_value()
        return read_analytics_url(url) if url and self.profile is Profile.PRIVATE else None

    @property
    def installed_apps(self) -> list[str]:
        host = {
            Profile.PUBLIC: ("django.contrib.staticfiles", "ninja"),
            Profile.PRIVATE: (
                *PLATFORM_APPS,
                *JOB_APPS,
                "django.contrib.messages",
                "django.contrib.staticfiles",
                "ninja",
            ),
            Profile.MIGRATOR: (
                "django_pgschemas",
                *PLATFORM_APPS,
                BROKER_APP,
                "django.contrib.messages",
                "ninja",
            ),
        }[self.profile]
        return [FRAMEWORK_LABEL, *host, *(module.django_app for module in self.modules.values())]

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
            "TASKS": {"default": {"BACKEND": "monolith.jobs.backend.ModuleTaskBackend"}},
            "Q_CLUSTER": dict(Q_CLUSTER),
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
        schemas = {PLATFORM: list(PLATFORM_APPS), BROKER: [BROKER_APP]}
        schemas |= {m.name: [FRAMEWORK_LABEL, m.django_app] for m in self.modules.values()}
        return {
            "ROOT_URLCONF": "monolith.http.migrator_urls",
            "TENANTS": {"public": {"APPS": []}} | {name: {"APPS": apps} for name, apps in schemas.items()},
            "PGSCHEMAS_EXTRA_SEARCH_PATHS": ["extensions"],
            # The admin is installed for its tables alone, and the platform's schema is not called `public`.
            "SILENCED_SYSTEM_CHECKS": ["admin.E408", "admin.E409", "admin.E410", "pgschemas.W002"],
        }


def compose(profile: Profile, modules: Sequence[Module], environ: Mapping[str, str]) -> Composition:
    """Assemble a process from its profile, the declared modules and its environment.

    Pure: it reads and changes nothing but its arguments. Raises CompositionError with every problem found,
    or TierViolation when a public process was handed a secret.
    """
    if profile is Profile.PUBLIC:
        refuse_secrets(modules, environ)  # first: no other error may come to repeat a secret's value
    environment = read_environment(environ)
    problems = [*declaration_problems(modules, environment)]
    if problems:
        raise CompositionError(problems)
    declared = {module.name: module for module in modules}
    chosen = environment.modules or tuple(declared)
    remotes = {} if profile is Profile.MIGRATOR else remote_urls(environ)
    composed = {
        name: module
        for name, module in declared.items()
        if name in chosen and name not in remotes and profile.includes(module)
    }
    problems = [*process_problems(profile, composed, declared, environment, environ)]
    if problems:
        raise CompositionError(problems)
    return Composition(
        profile=profile,
        modules=MappingProxyType(composed),
        declared=MappingProxyType(declared),
        environment=environment,
        databases=MappingProxyType(databases(profile, composed, environment, environ)),
        addresses=MappingProxyType(
            module_urls(environ) | ({BROKER: database} if (database := environment.broker_database) else {})
        ),
        remotes=MappingProxyType(remotes),
        secrets=MappingProxyType(_secrets(profile, composed, environ)),
        contract_keys=MappingProxyType(_contract_keys(profile, composed, environ)),
    )


def composed() -> Composition:
    """Return the composition of this process. Needs configured settings."""
    from django.conf import settings

    # No default: it would swallow an AttributeError in the settings themselves.
    composition = settings.MONOLITH  # type: ignore[misc]  # published by compose, unknown to the stubs
    assert isinstance(composition, Composition)
    return composition


def _secrets(
    profile: Profile, composed: Mapping[str, Module], environ: Mapping[str, str]
) -> dict[str, Mapping[str, SecretStr]]:
    if profile is not Profile.PRIVATE:
        return {}
    return {
        module.name: MappingProxyType({name: SecretStr(environ[name]) for name in module.secrets})
        for module in composed.values()
    }


def _contract_keys(
    profile: Profile, composed: Mapping[str, Module], environ: Mapping[str, str]
) -> dict[str, tuple[SecretStr, ...]]:
    if profile is not Profile.PRIVATE:
        return {}
    known = {*composed, *(other for module in composed.values() for other in module.requires)}
    return {name: keys for name, keys in contract_keys(environ).items() if name in known}
