"""Whether the models of tenant tables are made for it: each problem with what mends it."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.db import models
from django.db.models.expressions import BaseExpression, F

from monolith.module import Module
from monolith.tenancy.policy import TENANT_COLUMN

_BTREE: Final = ("idx", "btree")  # suffixes: what other indexes hold need not begin with the tenant
_FIELD: Final = "tenant_id = TenantField()"


class TenantProblem(NamedTuple):
    """Something that is wrong with a tenant table, and what mends it."""

    model: type[models.Model] | None  # None where the declaration is wrong
    message: str
    fix: str


def problems_of(module: Module, known: list[type[models.Model]]) -> Iterator[TenantProblem]:
    """Yield what is wrong with the tenant tables of a module, given its models, those between two included."""
    by_table = {model._meta.db_table: model for model in known}
    for table in module.tenant_tables:
        if table in by_table:
            yield from _problems_of_model(module, by_table[table])
        else:
            yield TenantProblem(
                None,
                f"Module '{module.name}' lists the tenant table {table!r}, and no model of it has that table",
                f"Known tables: {', '.join(sorted(by_table)) or 'none'}.",
            )
    for table, model in by_table.items():
        if table not in module.tenant_tables:
            yield from _problems_of_other(module, model)


def _problems_of_model(module: Module, model: type[models.Model]) -> Iterator[TenantProblem]:
    column = next((field for field in model._meta.concrete_fields if field.column == TENANT_COLUMN), None)
    if not isinstance(column, models.TextField) or column.null:
        yield TenantProblem(
            model,
            f"{model._meta.label} has a tenant table and no column tenant_id of text that is never null",
            f"Give it the field `{_FIELD}` of monolith.tenancy.fields.",
        )
        return
    if model._meta.db_table in {relation.name for relation in module.public_relations}:
        yield TenantProblem(
            model,
            f"{model._meta.label} has a tenant table that is listed as public, where nobody has a tenant",
            "Take it out of public_relations; write what everybody may see to a table of its own.",
        )
    for what, fix in (*_keys(model), *_constraints(model), *_indexes(model)):
        yield TenantProblem(model, f"{model._meta.label}: {what} does not begin with tenant_id", fix)


def _problems_of_other(module: Module, model: type[models.Model]) -> Iterator[TenantProblem]:
    if any(field.column == TENANT_COLUMN for field in model._meta.concrete_fields):
        table = model._meta.db_table
        yield TenantProblem(
            model,
            f"{model._meta.label} has a column tenant_id, and module '{module.name}' does not list its table",
            f"Add {table!r} to tenant_tables, and IsolateTenants({table!r}) to a migration.",
        )
    ends = [field.related_model for field in model._meta.get_fields() if field.many_to_one]
    held = [end for end in ends if isinstance(end, type) and end._meta.db_table in module.tenant_tables]
    if model._meta.auto_created and held:
        yield TenantProblem(
            model,
            f"{model._meta.label} is a table between two, and holds no tenant to the rows that it joins",
            f"Write the model between them (`through=`), with `{_FIELD}`, and list its table.",
        )


def _keys(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    for field in model._meta.concrete_fields:
        if field.primary_key:
            if not isinstance(field, models.AutoField | models.UUIDField):
                key = f'CompositePrimaryKey("tenant_id", "{field.name}")'
                yield (
                    f"the primary key {field.name}",
                    f"Use `pk = {key}`, or a number or UUID that is made for it.",
                )
        elif field.unique:
            constraint = f'UniqueConstraint(fields=["tenant_id", "{field.name}"], name=…)'
            yield f"the unique field {field.name}", f"Use {constraint} instead of unique."
        elif getattr(field, "db_index", False) and field.column != TENANT_COLUMN:
            index = f'Index(fields=["tenant_id", "{field.name}"], name=…)'
            yield (
                f"the index of the field {field.name}",
                f"Use db_index=False and {index}.",
            )
    composite = model._meta.pk
    if isinstance(composite, models.CompositePrimaryKey) and composite.field_names[0] != TENANT_COLUMN:
        yield "the primary key", 'Write CompositePrimaryKey("tenant_id", …).'


def _constraints(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and not _leads(constraint):
            yield (
                f"the constraint {constraint.name}",
                "Put tenant_id first: each tenant has names of its own.",
            )
    for names in model._meta.unique_together:
        if names[0] != TENANT_COLUMN:
            yield (
                f"unique_together {', '.join(names)}",
                "Put tenant_id first: each tenant has names of its own.",
            )


def _indexes(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    for index in model._meta.indexes:
        if index.suffix in _BTREE and not _leads(index):
            yield f"the index {index.name}", "Put tenant_id first: every query is one tenant's."


def _leads(index: Any) -> bool:
    """Say whether a constraint or index begins with the tenant."""
    if index.fields:
        return bool(index.fields[0].lstrip("-") == TENANT_COLUMN)
    first = index.expressions[0]
    while isinstance(first, BaseExpression) and first.get_source_expressions():
        first = first.get_source_expressions()[0]
    return isinstance(first, F) and bool(getattr(first, "name", "") == TENANT_COLUMN)
