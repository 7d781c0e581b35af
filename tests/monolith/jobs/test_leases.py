"""Leases of singletons: one holder at a time by the database's clock, and a higher fence for each."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import F
from django.db.models.functions import Now

from monolith import entering
from monolith.jobs import leases
from monolith.jobs.leases import LeaseOf
from monolith.jobs.singleton import Leadership, LeaseLost, Singleton, singleton
from monolith.models import Lease

MODULE = "hikes"
in_test = pytest.mark.django_db(databases="__all__")


def held_by(holder: str, *, deployment: str = "", lease_s: float = 60) -> LeaseOf:
    return LeaseOf(module=MODULE, name="a.b", holder=holder, lease_s=lease_s, deployment=deployment)


def expire() -> None:
    with entering(MODULE):
        Lease.objects.update(expires_at=Now() - timedelta(seconds=1))


@in_test
def test_the_first_leads_and_others_hear_who_does() -> None:
    assert held_by("one").acquire().fence == 1
    answer = held_by("two").acquire()
    assert (answer.fence, answer.holder, answer.enabled) == (None, "one", True)
    assert 55 < answer.expires_in_s <= 60
    assert held_by("one").acquire().fence is None  # it does not know that it leads: it was started again


@in_test
def test_a_lease_that_is_over_is_taken_with_a_higher_fence_and_lost_for_good() -> None:
    one, two = held_by("one"), held_by("two")
    one.acquire()
    expire()
    assert one.renew(1) is None  # though nobody took it yet
    assert two.acquire().fence == 2
    assert one.renew(1) is None
    assert not one.release(1)
    assert two.renew(2) is True


@in_test
def test_a_renewal_puts_the_end_off() -> None:
    held_by("one", lease_s=10).acquire()
    assert held_by("one", lease_s=100).renew(1) is True
    assert held_by("two").acquire().expires_in_s > 90


@in_test
def test_a_lease_that_was_let_go_is_free_at_once_and_keeps_its_fence() -> None:
    one = held_by("one")
    one.acquire()
    assert one.release(1)
    assert held_by("two").acquire().fence == 2


@in_test
def test_a_holder_of_the_same_name_with_an_old_fence_has_lost_it() -> None:
    one = held_by("one")
    one.acquire()
    one.release(1)
    assert one.acquire().fence == 2
    assert one.renew(1) is None
    assert not one.release(1)


@in_test
def test_what_is_switched_off_is_not_taken_and_its_leader_hears_of_it() -> None:
    one = held_by("one")
    one.acquire()
    leases.switch(MODULE, "a.b", on=False)
    assert one.renew(1) is False
    one.release(1)
    answer = one.acquire()
    assert (answer.fence, answer.enabled) == (None, False)
    leases.switch(MODULE, "a.b", on=True)
    assert one.acquire().fence == 2


@in_test
def test_what_never_ran_can_be_switched_off() -> None:
    leases.switch(MODULE, "a.b", on=False)
    assert held_by("one").acquire().fence is None
    with entering(MODULE):
        assert list(Lease.objects.values_list("deployment", "name", "fence")) == [("main", "a.b", 0)]


@in_test
def test_deployments_have_leaders_of_their_own() -> None:
    assert held_by("one", deployment="main").acquire().fence == 1
    assert held_by("two", deployment="copy").acquire().fence == 1


@pytest.mark.usefixtures("committed_db")
def test_of_many_at_once_one_leads() -> None:
    def acquire(number: int) -> int | None:
        try:
            return held_by(str(number)).acquire().fence
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        for fence in (1, 2, 3):
            assert [one for one in pool.map(acquire, range(8)) if one] == [fence]
            with entering(MODULE):
                Lease.objects.update(expires_at=F("expires_at") - timedelta(minutes=2))


def test_require_raises_once_the_lead_is_lost() -> None:
    lost = False
    leadership = Leadership(fence=1, is_lost=lambda: lost)
    leadership.require()
    lost = True
    with pytest.raises(LeaseLost):
        leadership.require()


def test_a_singleton_is_named_by_what_it_runs() -> None:
    made: Singleton = singleton(lease_s=9)(expire)
    assert made.name == f"{__name__}.expire"
    assert made.renew_s == 3


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"lease_s": 0.5}, "lease_s is at least 1"),
        ({"start_timeout_s": 0}, "start_timeout_s is more than 0"),
        ({"stop_timeout_s": -1}, "stop_timeout_s is more than 0"),
    ],
)
def test_times_that_cannot_be_are_refused(options: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        singleton(**options)(expire)  # type: ignore[arg-type]  # `declines` is not among them


def test_what_is_no_work_is_refused() -> None:
    class Idle:
        pass

    async def later(leadership: Leadership) -> None: ...

    with pytest.raises(TypeError, match=r"has no run\(leadership\)"):
        singleton()(Idle)
    with pytest.raises(TypeError, match="is async"):
        singleton()(later)
