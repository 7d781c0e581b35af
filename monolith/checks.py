"""System checks: what can be known wrong before a query runs. Each id is documented in docs/reference/checks.md."""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.core.checks import Warning as CheckWarning
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.models.fields.reverse_related import ForeignObjectRel

from monolith.composition import Composition, composed
from monolith.module import PLATFORM, Module, Tier
from monolith.profile import Profile

ROUTER: Final = "monolith.router.ModuleRouter"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a message is about when that stands in a module's declaration."""

    module: str
    value: str

    def __str__(self) -> str:
        return self.module


def register() -> None:
    """Register every check with Django."""
    for check in (
        check_boundary_settings,
        check_apps,
        check_models,
        check_migrations,
        check_routes,
        check_contracts,
        check_tasks,
        check_tenant_tables,
    ):
        checks.register(check, Tags.models)


def check_boundary_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check what the whole process was told about boundaries: E001, W001, W002."""
    found: list[CheckMessage] = []
    routers = list(settings.DATABASE_ROUTERS)
    if routers[:1] != [ROUTER]:
        found.append(
            Error(
                f"DATABASE_ROUTERS starts with {routers[:1]}, so models are not routed by the current module.",
                hint=f"Put {ROUTER!r} first.",
                id="monolith.E001",
            )
        )
    composition = composed()
    if composition.environment.boundary == "audit":
        found.append(
            CheckWarning(
                "MONOLITH_BOUNDARY is 'audit': crossings between modules are logged and let through.",
                hint="Unset it once the log is quiet.",
                id="monolith.W001",
            )
        )
    if composition.environment.debug and composition.profile is Profile.PUBLIC:
        found.append(
            CheckWarning(
                "MONOLITH_DEBUG is on in the public tier: its error pages show settings and code.",
                hint="Unset it, or use it on your own machine only.",
                id="monolith.W002",
            )
        )
    return found


def check_apps(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that each module's Django app has the module's name as its label: E002."""
    return [
        Error(
            f"Module '{module.name}' has the app {module.django_app!r}, whose label is {app.label!r}.",
            hint=f"Set label = {module.name!r} in its AppConfig: label, schema and alias are one name.",
            obj=module.name,
            id="monolith.E002",
        )
        for module in composed().modules.values()
        for app in apps.get_app_configs()
        if app.name == module.django_app and app.label != module.name
    ]


def check_models(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check labels, relations, table names and public relations of every module: E003, E004, E005, E008."""
    composition = composed()
    tables = _tables(composition)
    found: list[CheckMessage] = []
    for model in apps.get_models(include_auto_created=True):
        owner = composition.module_of_label(model._meta.app_label)
        found += _foreign_label(composition, model, owner)
        if owner != PLATFORM:
            found += _crossing_relations(composition, model, owner)
            found += _foreign_table(model, owner, tables)
    for module in composition.modules.values():
        if module.name in apps.app_configs:  # else E002 says so
            found += _unknown_public_relations(module)
    return found


def _tables(composition: Composition) -> dict[str, str]:
    """Return the owner of each table that a managed model has."""
    return {
        model._meta.db_table: composition.module_of_label(model._meta.app_label)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
    }


def _foreign_label(composition: Composition, model: type[models.Model], owner: str) -> Iterator[CheckMessage]:
    label = model._meta.app_label
    for module in composition.modules.values():
        is_its_code = model.__module__.startswith(f"{module.django_app}.")
        if is_its_code and owner != module.name and module.name in apps.app_configs:
            yield Error(
                f"{model.__name__} is code of module '{module.name}', and its app_label is '{label}'.",
                hint="Leave app_label out of its Meta: the label decides whose table it is.",
                obj=model,
                id="monolith.E008",
            )


def _crossing_relations(
    composition: Composition, model: type[models.Model], owner: str
) -> Iterator[CheckMessage]:
    if model._meta.auto_created:  # a table between two: the field that asked for it says so
        return
    for field in model._meta.get_fields():
        related = field.related_model
        if isinstance(field, ForeignObjectRel) or related is None:
            continue
        # A string means that the app is not composed here; its label still says whose it is.
        label = related.split(".")[0] if isinstance(related, str) else related._meta.app_label
        target = composition.module_of_label(label)
        if target != owner:
            ask = "" if target == PLATFORM else f" and ask contracts/{target}.py"
            yield Error(
                f"{model._meta.label}.{field.name} of module '{owner}' is a relation into '{target}'.",
                hint=f"No foreign key leaves a schema. Keep the id in a plain field{ask}.",
                obj=field,
                id="monolith.E003",
            )


def _foreign_table(model: type[models.Model], owner: str, tables: dict[str, str]) -> Iterator[CheckMessage]:
    table = model._meta.db_table
    target = tables.get(table.replace('"', "").rpartition(".")[2], owner)
    if target != owner or '"' in table or "." in table:
        yield Error(
            f"{model._meta.label} of module '{owner}' uses the table {table!r}"
            + (f", which belongs to '{target}'." if target != owner else ", which names a schema."),
            hint="Leave db_table to Django, or name a table of the module's own schema without a schema.",
            obj=model,
            id="monolith.E004",
        )


def _unknown_public_relations(module: Module) -> Iterator[CheckMessage]:
    own = {
        model._meta.db_table: model
        for model in apps.get_app_config(module.name).get_models(include_auto_created=True)
    }
    for relation in module.public_relations:
        columns = (
            {field.column for field in own[relation.name]._meta.concrete_fields}
            if relation.name in own
            else set()
        )
        missing = [column for column in relation.columns if column not in columns]
        if relation.name not in own or missing:
            what = (
                f"columns {', '.join(missing)} of {relation.name!r}"
                if relation.name in own
                else repr(relation.name)
            )
            yield Error(
                f"Module '{module.name}' lists {what} as public, but no model of it has that.",
                hint=f"Known tables and views: {', '.join(sorted(own)) or 'none'}. A view needs an unmanaged model.",
                obj=Declared(module.name, relation.name),
                id="monolith.E005",
            )


def check_migrations(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that no module's migration depends on another schema's: E006."""
    composition = composed()
    loader = MigrationLoader(None, ignore_no_migrations=True)
    found: list[CheckMessage] = []
    for (label, name), migration in loader.disk_migrations.items():
        owner = composition.module_of_label(label)
        for dependency, _name in migration.dependencies if owner != PLATFORM else ():
            if (target := composition.module_of_label(dependency.removeprefix("__"))) != owner:
                found.append(
                    Error(
                        f"Migration {label}.{name} of module '{owner}' depends on '{dependency}' of '{target}'.",
                        hint="Each schema migrates alone. Remove the relation that brought the dependency in.",
                        obj=migration,
                        id="monolith.E006",
                    )
                )
    return found


def check_routes(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that a module's routes exist for the tiers it names: E007, W003."""
    if composed().profile is Profile.MIGRATOR:
        return []
    return [message for module in composed().modules.values() for message in _route_messages(module)]


def _route_messages(module: Module) -> Iterator[CheckMessage]:
    from ninja import Router

    if not module.routes:
        return
    try:
        routes = importlib.import_module(module.routes)
    except ModuleNotFoundError as error:
        yield Error(
            f"Module '{module.name}' names the routes {module.routes!r}, which cannot be imported: {error}.",
            hint="Create the file, or leave `routes` empty.",
            obj=module.name,
            id="monolith.E007",
        )
        return
    for tier in (Tier.PUBLIC, Tier.PRIVATE):
        attribute = str(tier.name).lower()
        present = isinstance(getattr(routes, attribute, None), Router)
        if present and tier not in module.tier:
            yield CheckWarning(
                f"{module.routes} has a router `{attribute}`, but module '{module.name}' is not of that tier.",
                hint=f"It is not served. Remove the router, or add Tier.{tier.name} to the module.",
                obj=module.name,
                id="monolith.W003",
            )


def check_contracts(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that what modules promise is plain data, and kept by their functions: E009."""
    from monolith.contracts.registry import contract_problems, message_and_fix

    return [
        Error(f"{message}.", hint=f"{fix[:1].upper()}{fix[1:]}.", id="monolith.E009")
        for message, fix in map(message_and_fix, contract_problems(composed().modules))
    ]


def check_tasks(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that tasks can be made and have a limit that their lease outlasts, where jobs run: E010."""
    return [
        Error(f"{message}.", hint=f"{fix}.", obj=module.name, id="monolith.E010")
        for module in composed().modules.values()
        if composed().profile is Profile.PRIVATE
        for message, fix in _task_problems(module)
    ]


def _task_problems(module: Module) -> Iterator[tuple[str, str]]:
    from django.tasks.exceptions import InvalidTask

    from monolith.jobs.soundness import declared_tasks, problems_of

    try:
        tasks = declared_tasks(module)
    except InvalidTask as error:
        yield str(error), "A task that cannot be made is no task; the message says what to write"
        return
    for task in tasks:
        for problem in problems_of(task):
            yield f"{module.tasks_module}: {problem.message}", f"{problem.fix[:1].upper()}{problem.fix[1:]}"


def check_tenant_tables(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that tables which hold their rows to tenants have models made for it: E011."""
    from monolith.tenancy.soundness import problems_of as problems_of_tenants

    return [
        Error(
            f"{problem.message}.",
            hint=problem.fix,
            obj=problem.model or Declared(module.name, "tenant_tables"),
            id="monolith.E011",
        )
        for module in composed().modules.values()
        if module.name in apps.app_configs
        for problem in problems_of_tenants(
            module, list(apps.get_app_config(module.name).get_models(include_auto_created=True))
        )
    ]
