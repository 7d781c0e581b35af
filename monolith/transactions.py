"""Transactions on the current module's own connection.

Django's bare `transaction.atomic()` opens one on the alias `default`, which is the platform's: the code
looks atomic and is not.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monolith.composition import composed
from monolith.context import current_module, entering
from monolith.module import PLATFORM
from monolith.scope import call_scope, reset_call_scope, set_call_scope

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


@contextmanager
def reading() -> Iterator[None]:
    """Let the block read and not write, in every module that it calls: PostgreSQL refuses what would change a row.

    No transaction is opened for it. A statement outside one has its own, which reads only, and so does each transaction
    that begins in the block; those that are open already are read from in a savepoint and may write again afterwards.
    """
    from django.db import connections, transaction

    with ExitStack() as stack:
        with entering(PLATFORM):  # the host may open them on any connection
            for each in connections.all(initialized_only=True):
                if each.in_atomic_block:
                    stack.enter_context(transaction.atomic(using=each.alias))
        token = set_call_scope(replace(call_scope(), reads_only=True))
        try:
            yield
        finally:
            reset_call_scope(token)


def on_commit(function: Callable[[], Any], *, robust: bool = False) -> None:
    """Call `function` once the current module's transaction has committed; at once when none is open."""
    from django.db import transaction

    transaction.on_commit(function, using=current_alias(), robust=robust)
