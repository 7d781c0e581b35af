"""Rules that a small project cannot break: the framework's own imports, and grants in a database."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from monolith import Module, PublicRelation, Tier, composed
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection
from monolith.verification.grants import drift
from monolith.verification.imports import import_violations
from monolith.verification.parsing import read_source
from monolith.verification.report import look
from monolith.verification.schedules import orphans
from monolith.verification.source import Source
from monolith.verification.system import System, read_system
from tests.architecture.ways import RAW, concrete_models, raw

ROOT = Path(__file__).resolve().parents[2]


def source(text: str, name: str = "apps.orders.services") -> Source:
    return read_source(text.encode(), path=f"{name.replace('.', '/')}.py", name=name)


@pytest.fixture(scope="module")
def reference() -> System:
    """The reference application, read once."""
    return read_system(ROOT, composed().declared, "settings")


def test_the_framework_imports_no_project() -> None:
    system = System(
        project=ROOT,
        modules=composed().declared,
        settings="settings",
        sources={},
        statements={},
        contracts={},
        framework=[
            source(
                "def all():\n    from settings.modules import MODULES\n    from apps.x import y\n",
                "monolith.x",
            )
        ],
        unreadable=(),
    )

    found = sorted((str(v.place), v.code, v.message.partition(":")[0]) for v in import_violations(system))

    assert found == [
        ("monolith/x.py:2", "imports.framework", "imports settings.modules"),
        ("monolith/x.py:3", "imports.framework", "imports apps.x"),
    ]


def test_the_frameworks_own_files_are_looked_at_where_they_are_part_of_the_project(tmp_path: Path) -> None:
    read = {file.name for file in read_system(ROOT, composed().declared, "monolith").framework}

    assert "monolith.http.api" in read  # which imports "the settings", and so may break the rule
    assert read_system(tmp_path, composed().declared, "monolith").framework == []


@pytest.mark.usefixtures("django_db_setup")
def test_a_grant_that_is_not_declared_is_a_violation(cluster: PostgresCluster) -> None:
    database = connections["default"].settings_dict["NAME"]
    environment = composed().environment.model_copy(update={"database_url": cluster.url(database)})
    with admin_connection(cluster, database) as admin:
        admin.execute("GRANT SELECT ON ships.ships_vessel TO hikes_rw")
        try:
            found = list(drift(composed().declared.values(), environment))
        finally:
            admin.execute("REVOKE SELECT ON ships.ships_vessel FROM hikes_rw")

    [violation] = found
    assert violation.code == "grants.drift"
    assert "hikes_rw holds SELECT on table ships.ships_vessel" in violation.message
    assert "manage.py provision" in violation.fix


@pytest.mark.usefixtures("django_db_setup")
def test_a_schedule_that_no_task_declares_is_a_violation(cluster: PostgresCluster) -> None:
    database = connections["default"].settings_dict["NAME"]
    environment = composed().environment.model_copy(update={"database_url": cluster.url(database)})
    names = ["apps.hikes.tasks.gone", "apps.hikes.tasks.prune", "apps.hikes.refresh.prune_windows"]
    with admin_connection(cluster, database) as admin:
        for name in names:
            admin.execute(
                "INSERT INTO hikes.monolith_schedule (name, every_s, catch_up, next_at) VALUES (%s, 60, 'latest', now())",
                [name],
            )
        try:
            found = list(orphans(composed().declared.values(), environment))
        finally:
            admin.execute("DELETE FROM hikes.monolith_schedule")

    assert [(violation.code, violation.module) for violation in found] == [("schedules.orphan", "hikes")] * 2
    assert (
        "the schedule apps.hikes.refresh.prune_windows is of a function that is no task" in found[0].message
    )
    assert "the schedule apps.hikes.tasks.gone is of a task that is gone" in found[1].message


@pytest.mark.usefixtures("django_db_setup")
def test_of_a_module_that_was_never_provisioned_one_thing_is_said(cluster: PostgresCluster) -> None:
    database = connections["default"].settings_dict["NAME"]
    environment = composed().environment.model_copy(update={"database_url": cluster.url(database)})
    new = Module(name="library", tier=Tier.BOTH, public_relations=(PublicRelation(name="library_item"),))

    found = list(drift([*composed().declared.values(), new], environment))

    assert [(v.code, v.module) for v in found] == [("grants.schema", "library")]


@pytest.mark.parametrize("way", RAW)
def test_every_known_statement_that_reaches_another_module_is_found_where_it_is_written(
    reference: System, way: str
) -> None:
    ours, theirs = next(concrete_models("hikes")), next(concrete_models("ships"))
    statement = raw(RAW[way], theirs, ours)

    report = look(_with(reference, [source(f"STATEMENT = {statement!r}", "apps.hikes.b")]), {"sql"})

    assert [(v.place.path, v.module) for v in report.violations][:1] == [("apps/hikes/b.py", "hikes")], (
        statement
    )


def test_violations_are_sorted_by_file_and_line(reference: System) -> None:
    lines = "\n".join("from apps.ships import models" for _ in range(11))
    hikes = [source(lines, name) for name in ("apps.hikes.b", "apps.hikes.a")]

    report = look(_with(reference, hikes), {"imports"})

    assert [(v.place.path, v.place.line) for v in report.violations] == [
        (f"apps/hikes/{name}.py", line) for name in "ab" for line in range(1, 12)
    ]


def _with(system: System, files: list[Source]) -> System:
    return replace(system, sources={**dict.fromkeys(system.modules, ()), "hikes": files})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('KEY = "a"\nf(KEY)', "a"),
        ('KEY: str = "a"\nf(KEY)', "a"),
        ('f("a" "b")', "ab"),
        ('f("a" + x + "b")', "a{}b"),
        ('KEY = "a"\nf(f"{KEY}.{x}")', "a.{}"),
        ("f(1 + 2)", None),
    ],
)
def test_a_text_is_put_together_from_what_the_file_says(code: str, expected: str | None) -> None:
    [call] = source(code).calls

    assert call.arguments[0].text == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a.b\na.b.c()", "a.b.c"),
        ("import a.b as x\nx.c()", "a.b.c"),
        ("from a import b as x\nx.c()", "a.b.c"),
        ("from . import b\nb.c()", "apps.orders.b.c"),
        ("from ..stock.models import Item\nItem.objects()", "apps.stock.models.Item.objects"),
        ("def f():\n    from a import b\nb()", "a.b"),
        ("b.c()", ""),
    ],
)
def test_a_name_is_followed_to_its_import(code: str, expected: str) -> None:
    [call] = source(code).calls

    assert call.name == expected


def test_a_call_over_many_lines_is_found_where_its_name_is() -> None:
    [call] = [
        c for c in source("(\n    rows\n    .filter(x)\n    .using('stock')\n)").calls if c.method == "using"
    ]

    assert call.line == 4


def test_docstrings_are_no_texts() -> None:
    found: Any = source('"""FROM ships.x"""\ndef f():\n    """FROM ships.x"""\n    return "kept"\n').texts

    assert [text.value for text in found] == ["kept"]
