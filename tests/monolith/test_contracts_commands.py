"""Command operations have their effect once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from django.db import connections

from apps.ships.models import IngestCursor
from monolith import connection, entering
from monolith.contracts import (
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidCall,
    ProviderFailure,
    acting,
    deadline,
    require,
)
from monolith.contracts import dispatcher as dispatching
from monolith.contracts.interface import MAX_KEY
from monolith.models import CommandRecord
from tests.monolith.contract_calls import Provide, provide
from tests.monolith.promised.ships import Ships, Vessel, VesselUnknown

__all__ = ["provide"]


@pytest.fixture
def renames(provide: Provide) -> list[str]:
    """Provide `rename`, and return the list of what it did."""
    done: list[str] = []

    def rename(*, idempotency_key: str, mmsi: int, name: str) -> Vessel:
        done.append(name)
        return Vessel(mmsi=mmsi, name=f"{name} {len(done)}")

    provide(rename=rename)
    return done


@pytest.mark.django_db(databases="__all__")
def test_same_request_gets_the_same_result_and_happens_once(renames: list[str]) -> None:
    first = require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    assert (
        require(Ships).rename(idempotency_key="k", name="Ark", mmsi=1)
        == first
        == Vessel(mmsi=1, name="Ark 1")
    )
    assert renames == ["Ark"]


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("changed", [{"mmsi": 2}, {"name": "Arc"}])
def test_same_key_for_another_request_is_a_conflict(renames: list[str], changed: dict[str, object]) -> None:
    request: dict[str, object] = {"mmsi": 1, "name": "Ark"}
    rename: Callable[..., Vessel] = require(Ships).rename
    rename(idempotency_key="k", **request)
    with pytest.raises(IdempotencyConflict, match="'k'") as caught:
        rename(idempotency_key="k", **request | changed)
    assert caught.value.operation == "ships.rename"
    assert renames == ["Ark"]


@pytest.mark.django_db(databases="__all__")
def test_keys_of_different_tenants_do_not_meet(renames: list[str]) -> None:
    for tenant in ("acme", "initech"):
        with acting(tenant=tenant):
            require(Ships).rename(idempotency_key="k", mmsi=1, name=tenant)
    assert renames == ["acme", "initech"]


@pytest.mark.django_db(databases="__all__")
def test_keys_of_different_callers_do_not_meet(renames: list[str]) -> None:
    dispatching.dispatcher()._requires["idle"] = frozenset({"ships"})
    for caller in ("hikes", "idle"):
        with entering(caller):
            require(Ships).rename(idempotency_key="k", mmsi=1, name=caller)
    assert renames == ["hikes", "idle"]


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize(
    ("error", "seen"), [(VesselUnknown(mmsi=1), VesselUnknown), (OSError("disk"), ProviderFailure)]
)
def test_request_that_failed_left_nothing_and_may_be_tried_again(
    provide: Provide, error: Exception, seen: type[Exception]
) -> None:
    def fail(*, idempotency_key: str, mmsi: int, name: str) -> Vessel:
        IngestCursor.objects.create(source="t", fingerprint="")
        raise error

    provide(rename=fail)
    with pytest.raises(seen):
        require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    with entering("ships"):
        assert not CommandRecord.objects.exists()
        assert not IngestCursor.objects.exists()
    provide(rename=lambda *, idempotency_key, mmsi, name: Vessel(mmsi=mmsi, name=name))
    assert require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark").name == "Ark"


def test_requests_that_arrive_together_have_one_effect(renames: list[str], committed_db: None) -> None:
    together = threading.Barrier(4)

    def rename() -> Vessel:
        together.wait(10)
        try:
            return require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(copy_context().run, rename) for _ in range(4)]]
    assert answers == [Vessel(mmsi=1, name="Ark 1")] * 4
    assert renames == ["Ark"]


@pytest.mark.django_db(databases="__all__")
def test_answer_that_came_too_late_is_there_for_the_same_key(provide: Provide) -> None:
    def slow(*, idempotency_key: str, mmsi: int, name: str) -> Vessel:
        with connection().cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.1)")
        return Vessel(mmsi=mmsi, name="once")

    provide(rename=slow)
    with deadline(0.05), pytest.raises(DeadlineExceeded):
        require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    assert require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark").name == "once"


@pytest.mark.django_db(databases="__all__")
def test_records_no_one_asks_for_any_more_go(renames: list[str]) -> None:
    with entering("ships"):
        CommandRecord.objects.create(operation="x", caller="y", tenant="", key="z", request_hash=b"")
        CommandRecord.objects.create(operation="x", caller="y", tenant="", key="young", request_hash=b"")
        with connection().cursor() as cursor:
            cursor.execute(
                "UPDATE monolith_commandrecord SET created_at = now() - INTERVAL '31 days' WHERE key = 'z'"
            )
    require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    with entering("ships"):
        assert set(CommandRecord.objects.values_list("key", flat=True)) == {"young", "k"}


@pytest.mark.django_db(databases="__all__")
def test_one_actors_answer_is_not_given_to_another(renames: list[str]) -> None:
    with acting(actor="user:1"):
        require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    with acting(actor="user:2"), pytest.raises(IdempotencyConflict):
        require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    assert renames == ["Ark"]


@pytest.mark.django_db(databases="__all__")
def test_a_key_is_as_long_as_an_index_holds(renames: list[str]) -> None:
    longest = "\N{GRINNING FACE}" * MAX_KEY
    require(Ships).rename(idempotency_key=longest, mmsi=1, name="Ark")
    for key in (longest + "k", "k" * 12_000):
        with pytest.raises(InvalidCall, match=r"idempotency_key: .* at most 200 characters") as caught:
            require(Ships).rename(idempotency_key=key, mmsi=1, name="Ark")
        assert key not in str(caught.value)
    assert renames == ["Ark"]


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("key", ["\0", "k\0", "a\nb\0c"])
def test_a_key_that_no_column_holds_is_refused_and_leaves_nothing(renames: list[str], key: str) -> None:
    with pytest.raises(InvalidCall, match="idempotency_key: ") as caught:
        require(Ships).rename(idempotency_key=key, mmsi=1, name="Ark")
    assert "\0" not in str(caught.value)
    assert renames == []
    with entering("ships"):
        assert not CommandRecord.objects.exists()
