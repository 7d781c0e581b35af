"""A call within one process: what arrives, what comes back, what is refused."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from monolith import atomic, current_module, entering, reading
from monolith.contracts import (
    CallBudgetExceeded,
    CallInTransaction,
    CallWhileReading,
    DeadlineExceeded,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    RequirementNotDeclared,
    TransportFailure,
    acall,
    acting,
    call_budget,
    call_scope,
    deadline,
    require,
)
from tests.monolith.contract_calls import Provide, provide
from tests.monolith.promised.ships import NeverRaised, Ships, Vessel, VesselSunk, VesselUnknown

__all__ = ["provide"]

TITANIC = Vessel(mmsi=235000000, name="Titanic", seen_at=datetime(1912, 4, 14, 23, 40, tzinfo=UTC))


def get(*, mmsi: int, name: str = "unnamed") -> Vessel:
    return Vessel(mmsi=mmsi, name=name)


def whoami() -> list[str]:
    scope = call_scope()
    return [current_module(), scope.tenant, scope.actor, str(scope.deadline is not None)]


def test_result_and_defaults_cross(provide: Provide) -> None:
    provide(get=get)
    assert require(Ships).get(mmsi=1) == Vessel(mmsi=1, name="unnamed")
    assert require(Ships).get(mmsi=1, name="Ark") == Vessel(mmsi=1, name="Ark")


def test_moments_cross_in_utc(provide: Provide) -> None:
    provide(echo=lambda *, vessels: vessels)
    zone = timezone(timedelta(hours=1, minutes=19, seconds=32))
    moment = datetime(1912, 4, 14, 23, 40, tzinfo=zone)
    [back] = require(Ships).echo(vessels=[Vessel(mmsi=1, name="", seen_at=moment)])
    assert back.seen_at == moment
    assert back.seen_at is not None
    assert back.seen_at.tzinfo is UTC or back.seen_at.utcoffset() == timedelta(0)


def test_provider_runs_as_its_module_and_the_caller_stays_itself(provide: Provide) -> None:
    provide(whoami=whoami)
    with acting(tenant="acme", actor="user:7"), deadline(10):
        assert require(Ships).whoami() == ["ships", "acme", "user:7", "True"]
    assert require(Ships).whoami() == ["ships", "", "", "False"]
    assert current_module() == "hikes"


def test_declared_error_arrives_as_itself_with_its_data(provide: Provide) -> None:
    seen = datetime(2026, 1, 1, tzinfo=UTC)

    def lost(*, mmsi: int, name: str = "unnamed") -> Vessel:
        raise VesselUnknown(mmsi=mmsi, seen_at=seen)

    provide(get=lost)
    with pytest.raises(VesselUnknown, match="No vessel has this number") as caught:
        require(Ships).get(mmsi=7)
    assert (caught.value.mmsi, caught.value.seen_at) == (7, seen)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("secret"), NeverRaised(), VesselUnknown(mmsi=1), VesselSunk(mmsi=1)]
)
def test_undeclared_error_is_a_provider_failure_that_tells_its_class_alone(
    provide: Provide, error: Exception
) -> None:
    def fail(**_: Any) -> Any:
        raise error

    provide(whoami=fail, get=fail)
    with pytest.raises(ProviderFailure, match=type(error).__name__) as caught:
        require(Ships).get(mmsi=1) if isinstance(error, VesselSunk) else require(Ships).whoami()
    assert "secret" not in str(caught.value)


def test_wrong_arguments_are_named_and_never_reach_the_provider(provide: Provide) -> None:
    def unreachable(**_: Any) -> Vessel:
        raise AssertionError

    provide(get=unreachable)
    ships: Any = require(Ships)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"mmsi": "235000000"}, "mmsi"),
        ({}, "mmsi"),
        ({"mmsi": 1, "flag": "GB"}, "flag"),
        ({"mmsi": True}, "mmsi"),
    ]
    for arguments, place in wrong:
        with pytest.raises(InvalidCall, match=f"ships.get was called.*{place}:") as caught:
            ships.get(**arguments)
        assert "235000000" not in str(caught.value)


def test_object_in_the_place_of_data_is_refused(provide: Provide) -> None:
    provide(echo=lambda *, vessels: vessels)

    class Row:
        mmsi, name, seen_at = 1, "row", None

    with pytest.raises(InvalidCall):
        require(Ships).echo(vessels=[Row()])  # type: ignore[list-item]  # what a queryset would hold


def test_wrong_result_is_the_providers_fault(provide: Provide) -> None:
    provide(get=lambda *, mmsi, name="": {"mmsi": "1"})
    with pytest.raises(InvalidResult, match="returned what its contract does not allow"):
        require(Ships).get(mmsi=1)


@pytest.mark.parametrize("caller", ["idle", "ships", "platform"])
def test_only_modules_that_declare_it_may_call(provide: Provide, caller: str) -> None:
    provide(get=get)
    with entering(caller), pytest.raises(RequirementNotDeclared, match="`requires`"):
        require(Ships).get(mmsi=1)


def test_call_that_would_start_after_its_deadline_is_not_made(provide: Provide) -> None:
    called = threading.Event()

    def whoami() -> list[str]:
        called.set()
        return []

    provide(whoami=whoami)
    with deadline(0), pytest.raises(DeadlineExceeded):
        require(Ships).whoami()
    assert not called.is_set()


def test_answer_after_the_deadline_is_no_answer(provide: Provide) -> None:
    def late() -> list[str]:
        moment = call_scope().deadline
        assert moment is not None
        while time.monotonic() < moment:
            pass
        return []

    provide(whoami=late)
    with deadline(0.05), pytest.raises(DeadlineExceeded):
        require(Ships).whoami()


def test_error_after_the_deadline_is_no_answer_either(provide: Provide) -> None:
    def late(*, mmsi: int, name: str = "unnamed") -> Vessel:
        moment = call_scope().deadline
        assert moment is not None
        while time.monotonic() < moment:
            pass
        raise VesselUnknown(mmsi=mmsi)

    provide(get=late)
    with deadline(0.05), pytest.raises(DeadlineExceeded):
        require(Ships).get(mmsi=1)


def test_inner_deadline_shortens_and_never_lengthens() -> None:
    with deadline(10):
        outer = call_scope().deadline
        with deadline(60):
            assert call_scope().deadline == outer
        with deadline(1):
            assert (call_scope().deadline or 0) < (outer or 0)
        assert call_scope().deadline == outer


def test_budget_refuses_the_call_that_is_too_many(provide: Provide) -> None:
    provide(whoami=whoami)
    with call_budget(2) as budget:
        require(Ships).whoami()
        require(Ships).whoami()
        with pytest.raises(CallBudgetExceeded, match="budget of 2"):
            require(Ships).whoami()
    assert budget.used == 2


def test_module_that_is_nowhere_says_which_setting_would_help(provide: Provide) -> None:
    from monolith.contracts import dispatcher as dispatching

    del dispatching.dispatcher()._transports["ships"]
    with pytest.raises(TransportFailure, match="MONOLITH_REMOTE_SHIPS"):
        require(Ships).whoami()


@pytest.mark.django_db(databases="__all__")
def test_nothing_that_leaves_the_process_is_called_inside_a_transaction(
    provide: Provide, request: pytest.FixtureRequest
) -> None:
    provide(get=get)
    with atomic():
        if request.node.callspec.params["provide"] == "json":
            with pytest.raises(CallInTransaction, match="locks would be held"):
                require(Ships).get(mmsi=1)
        else:
            assert require(Ships).get(mmsi=1).mmsi == 1
    assert require(Ships).get(mmsi=1).mmsi == 1  # a test case's own transaction is none of ours


@pytest.mark.django_db(databases="__all__")
def test_command_operation_is_not_called_inside_a_transaction(provide: Provide) -> None:
    provide(rename=lambda *, idempotency_key, mmsi, name: Vessel(mmsi=mmsi, name=name))
    with atomic(), pytest.raises(CallInTransaction, match="cannot be rolled back"):
        require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")


def test_async_call_keeps_module_and_scope(provide: Provide) -> None:
    provide(whoami=whoami)

    async def ask() -> list[str]:
        with acting(tenant="acme"):
            return await acall(require(Ships).whoami)

    assert asyncio.run(ask()) == ["ships", "acme", "", "False"]


def test_cancelled_async_call_stops_waiting_at_once(provide: Provide) -> None:
    begun, release = threading.Event(), threading.Event()

    def wait() -> list[str]:
        begun.set()
        release.wait(10)
        return []

    provide(whoami=wait)

    async def ask() -> None:
        task = asyncio.ensure_future(acall(require(Ships).whoami))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not release.is_set()
        release.set()

    asyncio.run(ask())


def test_actor_within_a_tenant_keeps_the_tenant() -> None:
    with acting(tenant="acme", actor="user:1"):
        with acting(actor="user:2"):
            assert (call_scope().tenant, call_scope().actor) == ("acme", "user:2")
        with acting(tenant=""):
            assert (call_scope().tenant, call_scope().actor) == ("", "user:1")


def test_what_may_only_read_calls_queries_and_no_command(provide: Provide) -> None:
    def can_write() -> list[str]:
        return [str(not call_scope().reads_only)]

    called: list[str] = []

    def rename(*, idempotency_key: str, mmsi: int, name: str) -> Vessel:
        called.append(name)
        return Vessel(mmsi=mmsi, name=name)

    provide(whoami=can_write, rename=rename)
    with reading():
        assert require(Ships).whoami() == ["False"]
        with pytest.raises(CallWhileReading, match=r"ships\.rename"):
            require(Ships).rename(idempotency_key="k", mmsi=1, name="Ark")
    assert require(Ships).whoami() == ["True"]
    assert called == []
