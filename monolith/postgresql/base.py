"""Django's entry point to the engine (`ENGINE = "monolith.postgresql"`)."""

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base

from monolith.boundary import require_allowed
from monolith.composition import composed
from monolith.context import current_module
from monolith.module import PLATFORM


class DatabaseWrapper(base.DatabaseWrapper):
    """Refuses a module a transaction on a connection that is not its own.

    `transaction.atomic()` and `on_commit()` without `using` mean the platform's connection: the code would look
    atomic and not be. The host may open transactions anywhere; it reaches no rows that way.
    """

    def set_autocommit(self, autocommit: bool, *args: Any, **options: Any) -> None:  # noqa: FBT001 (Django's)
        if not autocommit:
            self._require_own()
        super().set_autocommit(autocommit, *args, **options)

    def savepoint(self) -> str | None:
        self._require_own()
        return super().savepoint()

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:  # noqa: FBT001, FBT002 (Django's)
        self._require_own()
        super().on_commit(func, robust)

    def _require_own(self) -> None:
        owner = composed().owner_of_alias(self.alias)
        if owner and current_module() != PLATFORM:
            what = (
                f"a transaction on its connection '{self.alias}' (use atomic() and on_commit() of `monolith`)"
            )
            require_allowed(owner, what)
