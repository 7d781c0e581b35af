"""Django's entry point to the engine (`ENGINE = "monolith.postgresql"`)."""

from collections.abc import Callable
from datetime import UTC
from functools import cached_property
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from monolith.boundary import require_allowed
from monolith.composition import composed
from monolith.context import current_module
from monolith.module import PLATFORM, Module
from monolith.postgresql.cursors import (
    ModuleBindingCursor,
    ModuleCursor,
    ModuleServerCursor,
    TenantCursor,
    TenantServerCursor,
    forget_transaction,
)
from monolith.postgresql.timestamps import reading_utc


class DatabaseWrapper(base.DatabaseWrapper):
    """Refuses a module a transaction on a connection that is not its own, and sends settings with its statements.

    `transaction.atomic()` and `on_commit()` without `using` mean the platform's connection: the code would look
    atomic and not be. The host may open transactions anywhere; it reaches no rows that way. The connection of the
    public tier, which is of no one module and may not write, has Django's own cursors.
    """

    @property
    def _module(self) -> Module | None:
        return composed().declared.get(composed().owner_of_alias(self.alias) or "")

    @cached_property
    def _is_owned(self) -> bool:
        return composed().owner_of_alias(self.alias) is not None

    @cached_property
    def _serves_tenants(self) -> bool:
        return self._module is not None and bool(self._module.tenant_tables)

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        if self.timezone is UTC:
            parameters["context"] = reading_utc(parameters["context"])
        return parameters | {"cursor_factory": self._cursor_factory} if self._is_owned else parameters

    @property
    def _cursor_factory(self) -> type[psycopg.Cursor[Any]]:
        if self._serves_tenants:
            return TenantCursor
        return (
            ModuleBindingCursor if self.settings_dict["OPTIONS"].get("server_side_binding") else ModuleCursor
        )

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if self._is_owned and not issubclass(connection.server_cursor_factory, ModuleServerCursor):
            connection.server_cursor_factory = (
                TenantServerCursor if self._serves_tenants else ModuleServerCursor
            )
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        if name and self._is_owned:  # Django would make it past the connection's factory
            return self.connection.cursor(name, scrollable=False, withhold=self.connection.autocommit)
        return super().create_cursor(name)

    def set_autocommit(self, autocommit: bool, *args: Any, **options: Any) -> None:  # noqa: FBT001 (Django's)
        if not autocommit:
            self._require_own()
        super().set_autocommit(autocommit, *args, **options)
        if self._serves_tenants:
            forget_transaction(self.connection)

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
