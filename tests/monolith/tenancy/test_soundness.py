"""Models of tenant tables that are not made for it."""

import dataclasses
from typing import Any

import pytest
from django.apps.registry import Apps
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Index, UniqueConstraint
from django.db.models.functions import Lower

from monolith.module import Module, PublicRelation, Tier
from monolith.tenancy.fields import TenantField
from monolith.tenancy.soundness import problems_of

MODULE = Module(name="hikes", tier=Tier.BOTH, tenant_tables=("hikes_thing",))


def made(name: str = "Thing", registry: Apps | None = None, /, **options: Any) -> type[models.Model]:
    meta = {
        "apps": registry or Apps(),
        "app_label": "hikes",
        "constraints": options.pop("constraints", []),
        "indexes": options.pop("indexes", []),
        "unique_together": options.pop("unique_together", []),
    }
    attributes = {"__module__": __name__, "Meta": type("Meta", (), meta), **options}
    return type(name, (models.Model,), attributes)


def said(*known: type[models.Model], module: Module = MODULE) -> list[str]:
    return [f"{problem.message}. {problem.fix}" for problem in problems_of(module, list(known))]


def test_model_whose_keys_and_indexes_begin_with_the_tenant_is_sound() -> None:
    model = made(
        tenant_id=TenantField(),
        name=models.TextField(),
        constraints=[
            UniqueConstraint(fields=["tenant_id", "name"], name="one"),
            UniqueConstraint(F("tenant_id"), Lower("name"), name="two"),
        ],
        indexes=[
            Index("tenant_id", F("name").desc(), name="three"),
            Index(F("tenant_id").desc(), name="four"),
            GinIndex(fields=["name"], name="five"),
        ],
    )

    assert said(model) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": models.TextField(primary_key=True)}, "the primary key name does not begin with tenant_id"),
        ({"name": models.TextField(unique=True)}, "the unique field name does not begin with tenant_id"),
        ({"name": models.TextField(db_index=True)}, "the index of the field name does not begin"),
        ({"constraints": [UniqueConstraint(fields=["id", "tenant_id"], name="one")]}, "the constraint one"),
        ({"constraints": [UniqueConstraint(Lower("id"), name="one")]}, "the constraint one"),
        ({"indexes": [Index(fields=["id"], name="one")]}, "the index one does not begin with tenant_id"),
        ({"indexes": [Index(F("id").desc(), name="one")]}, "the index one does not begin with tenant_id"),
        ({"unique_together": [("id", "tenant_id")]}, "unique_together id, tenant_id does not begin"),
    ],
)
def test_key_or_index_that_does_not_begin_with_the_tenant_is_named(options: Any, words: str) -> None:
    (problem,) = said(made(tenant_id=TenantField(), **options))

    assert words in problem


def test_tenant_must_be_text_that_is_never_null() -> None:
    for column in ({}, {"tenant_id": models.IntegerField()}, {"tenant_id": models.TextField(null=True)}):
        (problem,) = said(made(**column))
        assert "no column tenant_id of text" in problem
        assert "`tenant_id = TenantField()`" in problem


def test_table_without_a_model_is_named() -> None:
    (problem,) = said()

    assert "lists the tenant table 'hikes_thing', and no model of it has that table" in problem


def test_table_with_a_tenant_that_is_not_listed_is_named() -> None:
    model = made("Other", tenant_id=TenantField())

    (problem,) = said(model, module=dataclasses.replace(MODULE, tenant_tables=()))

    assert "does not list its table. Add 'hikes_other' to tenant_tables" in problem


def test_tenant_table_is_never_public() -> None:
    module = dataclasses.replace(MODULE, public_relations=(PublicRelation(name="hikes_thing"),))

    (problem,) = said(made(tenant_id=TenantField()), module=module)

    assert "is listed as public, where nobody has a tenant" in problem


def test_table_between_two_needs_a_model_of_its_own() -> None:
    registry = Apps()
    thing = made(
        "Thing",
        registry,
        tenant_id=TenantField(),
        others=models.ManyToManyField("hikes.Thing", symmetrical=False),
    )
    between = thing._meta.get_field("others").remote_field.through  # type: ignore[union-attr]

    (problem,) = said(thing, between)

    assert "is a table between two" in problem
