"""Transactions on the current module's own connection.

Django's bare `transaction.atomic()` opens one on the alias `default`, which is the platform's: the code
looks atomic and is not.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from monolith.composition import composed
from monolith.context import current_module

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.transaction import Atomic


def current_alias() -> str:
    """Return the database alias of the current module."""
    return composed().alias_of(current_module())


def connection() -> "BaseDatabaseWrapper":
    """Return the current module's connection."""
    from django.db import connections

    return connections[current_alias()]


def atomic(*, savepoint: bool = True, durable: bool = False) -> "Atomic":
    """Open a transaction on the current module's connection, as a context manager."""
    from django.db import transaction

    return transaction.atomic(using=current_alias(), savepoint=savepoint, durable=durable)


def on_commit(function: Callable[[], Any], *, robust: bool = False) -> None:
    """Call `function` once the current module's transaction has committed; at once when none is open."""
    from django.db import transaction

    transaction.on_commit(function, using=current_alias(), robust=robust)
