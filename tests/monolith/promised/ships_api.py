"""Keeps the promise of ships for the tests of the endpoint."""

from datetime import UTC, datetime

from monolith import atomic, connection, current_module
from monolith.contracts import call_scope
from tests.monolith.promised.ships import Decision, Outcome, Vessel, VesselUnknown


def get(*, mmsi: int, name: str = "unnamed") -> Vessel:
    if mmsi == 404:
        raise VesselUnknown(mmsi=mmsi, seen_at=datetime(2026, 1, 1, tzinfo=UTC))
    if mmsi == 500:
        raise ZeroDivisionError("a private matter")
    return Vessel(mmsi=mmsi, name=name)


def echo(*, vessels: list[Vessel]) -> list[Vessel]:
    return vessels


def whoami() -> list[str]:
    scope = call_scope()
    return [current_module(), scope.tenant, scope.actor, str(scope.deadline), str(scope.reads_only)]


def rename(*, idempotency_key: str, mmsi: int, name: str) -> Vessel:
    with atomic(), connection().cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    return Vessel(mmsi=mmsi, name=f"{name} by {role}")


def allow(*, subject: str) -> Decision:
    return Decision(outcome=Outcome.ALLOW if subject == "user:7" else Outcome.DENY)
