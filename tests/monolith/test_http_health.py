"""Liveness and readiness."""

import itertools
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from psycopg.sql import SQL, Identifier

from monolith import Profile, composed
from monolith.embedded import PostgresCluster
from monolith.http import health
from monolith.http.health import Component, Migrations, Readiness
from monolith.testing.database import admin_connection
from tests.monolith.http_toy import toy_client

COMPONENTS = {"database", "role", "migrations"}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    made = health.readiness
    made.cache_clear()
    yield
    made.cache_clear()


def broker() -> str:
    """Stand in for a component of a later day."""
    raise ConnectionError("the broker is away")


def test_liveness_asks_no_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"
    assert client.head("/healthz").status_code == 200


@pytest.mark.django_db(databases="__all__", transaction=False)
def test_readiness_shows_every_declared_component_with_details_on_the_private_tier(client: Client) -> None:
    response = client.get("/readyz")
    document = response.json()
    assert (response.status_code, document["status"]) == (200, "ok")
    assert response["Cache-Control"] == "no-store"
    assert document["components"].keys() == COMPONENTS
    assert document["components"]["database"]["message"].startswith("PostgreSQL 18")
    assert document["components"]["role"]["message"] == composed().roles.platform_rw
    assert all(component["duration_ms"] >= 0 for component in document["components"].values())


def test_the_public_tier_shows_names_alone(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Readiness(
        [Component(name="works", check=lambda: "secret"), Component(name="broker", check=broker)]
    )
    monkeypatch.setattr(health, "readiness", lambda: failing)
    client = toy_client(settings, Profile.PUBLIC)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "failed", "components": {"works": "ok", "broker": "failed"}}


def test_the_public_tier_does_not_ask_what_its_role_cannot_read(settings: object) -> None:
    toy_client(settings, Profile.PUBLIC)
    assert {c.name for c in health.components(composed())} == COMPONENTS - {"migrations"}


@pytest.mark.django_db(databases="__all__")
def test_a_configured_component_that_fails_makes_503_and_says_why_in_the_log(
    client: Client, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HEALTH_COMPONENTS = [f"{__name__}.broker"]  # type: ignore[attr-defined]
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["components"].keys() == COMPONENTS | {"broker"}
    (record,) = [record for record in caplog.records if record.name == "monolith.http.health"]
    assert record.levelno == logging.ERROR
    assert "the broker is away" in record.getMessage()


@pytest.mark.usefixtures("committed_db")
def test_readiness_fails_when_a_migration_was_not_run(client: Client, cluster: PostgresCluster) -> None:
    module = next(iter(composed().modules))
    (latest,) = health.latest_migrations()[module]
    table = SQL("{}.django_migrations").format(Identifier(module))
    with admin_connection(cluster, connections["default"].settings_dict["NAME"]) as admin:
        admin.execute(SQL("UPDATE {} SET name = name || '!' WHERE name = %s").format(table), [latest])
        try:
            response = client.get("/readyz")
        finally:
            admin.execute(SQL("UPDATE {} SET name = rtrim(name, '!')").format(table))
    assert response.status_code == 503
    migrations = response.json()["components"]["migrations"]
    assert f"{module}.{latest}" in migrations["message"]
    assert "migrate_schemas" in migrations["message"]


@pytest.mark.django_db(databases="__all__")
def test_applied_migrations_are_not_asked_for_again() -> None:
    check = Migrations()
    assert check() == "all applied"
    assert not check._waiting


@pytest.mark.django_db(databases="__all__")
def test_another_role_than_the_expected_one_is_not_ready(client: Client, settings: Any) -> None:
    databases = {alias: dict(options) for alias, options in composed().databases.items()}
    databases["default"]["USER"] = "someone_else"
    settings.MONOLITH = replace(composed(), databases=databases)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "not 'someone_else'" in response.json()["components"]["role"]["message"]


def test_a_stuck_component_is_late_and_does_not_hold_the_request(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    runs: list[str] = []

    def stuck() -> str:
        runs.append("stuck")
        release.wait(timeout=30)
        return ""

    readiness = Readiness(
        [Component(name="quick", check=lambda: "seen"), Component(name="stuck", check=stuck)],
        deadline_s=0.05,
        fresh_for_s=0.0,
    )
    try:
        assert {name: o.status for name, o in readiness.outcomes().items()} == {
            "quick": "ok",
            "stuck": "late",
        }
        again = readiness.outcomes()
        assert {outcome.status for outcome in again.values()} == {"late"}
        assert runs == ["stuck"]  # a second thread would only get stuck as well
        assert "stuck gave no answer" in caplog.text
    finally:
        release.set()


def test_many_callers_cost_one_measurement() -> None:
    runs = itertools.count(1)
    readiness = Readiness([Component(name="c", check=lambda: str(next(runs)))], fresh_for_s=60)
    assert {readiness.outcomes()["c"].message for _ in range(5)} == {"1"}


def test_probes_need_no_known_host(client: Client) -> None:
    assert "10.1.2.3" not in django_settings.ALLOWED_HOSTS
    assert client.get("/healthz", headers={"host": "10.1.2.3"}).status_code == 200
