"""Locks for outside agents: a name that one holder has at a time, for so long. An id proves who that is."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.agent import statements
from apps.agent.errors import LockHeldError, LockLostError
from apps.agent.models import Lock
from apps.agent.queries import own
from monolith import atomic
from monolith.events.ids import uuid7


def acquire(*, name: str, holder: str, ttl: timedelta) -> Lock:
    """Take a lock that nobody holds, or whose holder let its time pass. Raises LockHeldError.

    The id is new each time: what an earlier holder still does with its own is refused.
    """
    with atomic():
        taken = statements.run("acquire_lock", id=uuid7(), name=name, holder=holder, ttl=ttl)
        lock = own(Lock).get(name=name)
        if not taken:
            raise LockHeldError(name, lock.holder, lock.expires_at)
        return lock


def extend(*, name: str, lock_id: UUID, ttl: timedelta) -> Lock:
    """Hold a lock for `ttl` from now. Raises LockLostError when it is not held by that id, or its time is over."""
    with atomic():
        if not _held(name, lock_id).update(expires_at=Now() + ttl):
            raise LockLostError(name)
        return own(Lock).get(name=name)


def release(*, name: str, lock_id: UUID) -> bool:
    """Let go of a lock; returns whether it was held by that id."""
    with atomic():
        return bool(own(Lock).filter(name=name, id=lock_id).delete()[0])


def _held(name: str, lock_id: UUID) -> QuerySet[Lock]:
    return own(Lock).filter(name=name, id=lock_id, expires_at__gt=Now())
