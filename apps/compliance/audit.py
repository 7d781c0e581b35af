"""The record: one chain of entries per tenant, to which PostgreSQL adds and from which nothing is taken.

Entries are chained by a trigger (migrations/0002), so every writer gets the same numbering and hashes, and changes of
rules and grants are recorded by triggers, so no writer can leave them out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from apps.compliance.models import Grant, Rule
from apps.compliance.patterns import ANYTHING
from contracts.compliance import GrantChanged
from monolith import atomic, connection, on_commit
from monolith.contracts import forget_decisions
from monolith.events import publish

# The trigger locks the tenant's head, and adds position, time and hashes.
_APPEND: Final = "INSERT INTO compliance_auditentry (tenant, content) VALUES (%s, %s)"

# Who changes rules and grants, for the triggers that record it; ends with the transaction.
_SIGN: Final = "SELECT set_config('compliance.actor', %s, true)"


def append(*, tenant: str, event: str, by: str, details: Mapping[str, Any]) -> None:
    """Add one entry to a tenant's chain. Raises django.db.Error when it could not be written."""
    content = json.dumps({"event": event, "by": by, **details})
    with connection().cursor() as cursor:
        cursor.execute(_APPEND, [tenant, content])


@contextmanager
def changing(*, by: str) -> Iterator[Callable[[Rule | Grant], None]]:
    """Run the block in a transaction whose changes of rules and grants are recorded as made by `by`.

    It is given a function to call with each row that it has changed, which tells others. When it commits, this process
    forgets what the gate said before, and all others do so once they hear of it.
    """
    with atomic():
        with connection().cursor() as cursor:
            cursor.execute(_SIGN, [by])
        on_commit(forget_decisions)
        yield _tell


def _tell(changed: Rule | Grant) -> None:
    if isinstance(changed, Grant):
        event = GrantChanged(subject=changed.subject, right=changed.right, tenant=changed.tenant)
    else:
        event = GrantChanged(subject=ANYTHING, right=changed.right)
    publish(event)
