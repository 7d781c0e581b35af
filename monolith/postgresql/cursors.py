"""Cursors that send along what a statement may do: for which tenant, and whether it may write.

Both are settings that hold for a transaction, so they go in the same message: outside a transaction PostgreSQL takes
the statements of one message for a transaction of their own. Nothing is left on the connection for whoever has it
next, no round trip is added, and a savepoint that is rolled back takes nothing away that a later statement needs.
While nobody acts for a tenant and everything may write, statements are sent as they are.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql.base import Cursor, ServerBindingCursor
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.sql import SQL, Composable, Literal

from monolith.context import current_module
from monolith.scope import call_scope
from monolith.tenancy.errors import TenantChanged, TenantRefused
from monolith.tenancy.policy import CURRENT_TENANT, SETTING

# What touches no row and must come alone: in a failed transaction, or before its first statement.
_CONTROL: Final = re.compile(
    r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK|COMMIT|END|ABORT|BEGIN|START|SET|SHOW)\b[^;]*;?\s*", re.IGNORECASE
)
# A query, after which PostgreSQL lets nobody make the transaction write again; SET would leave that open.
READ_ONLY: Final = "SELECT set_config('transaction_read_only', 'on', true)"
_held: Final[WeakKeyDictionary[psycopg.Connection[Any], str]] = WeakKeyDictionary()
"""The tenant that the open transaction of a connection serves, from its first statement for one."""

if TYPE_CHECKING:
    _Base = psycopg.Cursor[Any]
else:
    _Base = object


class _ScopedMixin(_Base):
    """Sends statements for the tenant that the code acts for, and for reading alone where the code only reads.

    Each method that sends one raises TenantChanged when the open transaction serves another tenant, and TenantRefused
    when PostgreSQL refuses a row.
    """

    serves_tenants: ClassVar[bool] = False

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        with self._serving(query):
            super().executemany(query, params_seq, **options)

    def stream(self, query: Any, *args: Any, **options: Any) -> Iterator[Any]:
        with self._serving(query):
            yield from super().stream(query, *args, **options)

    @contextmanager
    def copy(self, statement: Any, *args: Any, **options: Any) -> Generator[Any]:
        with self._serving(statement), super().copy(statement, *args, **options) as copy:
            yield copy

    @contextmanager
    def _serving(self, query: Any) -> Iterator[None]:
        """Let the transaction have its settings by a message of its own; open one for the block when none is."""
        settings = self._settings(query)
        alone = settings and self.connection.autocommit and _is_idle(self.connection)
        try:
            with self.connection.transaction() if alone else nullcontext():
                for setting in settings:
                    psycopg.ClientCursor(self.connection).execute(setting)
                yield
        except psycopg.errors.InsufficientPrivilege as error:
            _explain(error)
            raise

    def _settings(self, query: Any) -> tuple[str, ...]:
        """Return what is to be set for a statement."""
        settings: tuple[str, ...] = ()
        if self.serves_tenants and (tenant := _tenant_for(self.connection, query)) is not None:
            settings = (_set_tenant(tenant),)
        if call_scope().reads_only and not _is_control(query):
            settings += (READ_ONLY,)
        return settings


class ModuleCursor(_ScopedMixin, Cursor):
    """Django's cursor, which sends settings in the message of the statement."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        settings = self._settings(query)
        try:
            if not settings:
                return super().execute(query, params, **options)
            if self.connection.pgconn.pipeline_status != PipelineStatus.OFF:  # one statement in a message
                with self._serving(query):
                    return super().execute(query, params, **options)
            super().execute(_with_settings(settings, query, escaped=params is not None), params, **options)
        except psycopg.errors.InsufficientPrivilege as error:
            _explain(error)
            raise
        for _ in settings:
            self.nextset()  # past the result of the setting
        return self


class ModuleBindingCursor(_ScopedMixin, ServerBindingCursor):
    """Django's cursor for values that travel beside the statement: such a message has one statement alone."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if not self._settings(query):
            return super().execute(query, params, **options)
        with self._serving(query):
            return super().execute(query, params, **options)


class TenantCursor(ModuleCursor):
    """That of a module with tenant tables."""

    serves_tenants = True


class ModuleServerCursor(_ScopedMixin, psycopg.ServerCursor[Any]):
    """A named cursor: it is declared with the settings, and its rows are fetched in the same transaction."""

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        with self._serving(query):
            return super().execute(query, *args, **options)


class TenantServerCursor(ModuleServerCursor):
    """That of a module with tenant tables."""

    serves_tenants = True


def forget_transaction(connection: psycopg.Connection[Any]) -> None:
    """Note that the connection's transaction is over: the next one may serve another tenant."""
    _held.pop(connection, None)


def _tenant_for(connection: psycopg.Connection[Any], query: Any) -> str | None:
    """Return the tenant that a statement is to be sent for; None when it goes as it is."""
    idle = _is_idle(connection)
    held = "" if idle else _held.get(connection, "")
    if idle:
        _held.pop(connection, None)
    tenant = call_scope().tenant
    if not (tenant or held) or _is_control(query):
        return None
    if held and tenant and tenant != held:
        if not _is_another_transaction(connection, held):
            raise TenantChanged(module=current_module(), held=held, tenant=tenant)
        _held.pop(connection)
        held = ""
    if not held and not (idle and connection.autocommit):
        _held[connection] = tenant
    return tenant


def _is_another_transaction(connection: psycopg.Connection[Any], held: str) -> bool:
    """Say whether the open transaction is not the one that served `held`.

    The end of Django's is told to `forget_transaction`. Those that psycopg's `transaction()` opens in autocommit end
    unseen, but PostgreSQL knows.
    """
    if not connection.autocommit or connection.pgconn.transaction_status != TransactionStatus.INTRANS:
        return False
    found = psycopg.ClientCursor(connection).execute(f"SELECT {CURRENT_TENANT}").fetchone()
    return found != (held,)


def _is_control(query: Any) -> bool:
    return isinstance(query, str) and _CONTROL.fullmatch(query) is not None


def _is_idle(connection: psycopg.Connection[Any]) -> bool:
    return connection.pgconn.transaction_status == TransactionStatus.IDLE


@lru_cache(maxsize=1024)
def _set_tenant(tenant: str) -> str:
    return f"SET LOCAL {SETTING} = {Literal(tenant).as_string()}"


def _with_settings(settings: tuple[str, ...], query: Any, *, escaped: bool) -> Any:
    # On a line of their own: PostgreSQL's errors show the line of the statement.
    prefix = "; ".join(settings) + ";\n"
    if escaped:  # psycopg looks for placeholders
        prefix = prefix.replace("%", "%%")
    if isinstance(query, str):
        return prefix + query
    if isinstance(query, bytes):
        return prefix.encode() + query
    return SQL(prefix) + (query if isinstance(query, Composable) else SQL(str(query)))


def _explain(error: psycopg.errors.InsufficientPrivilege) -> None:
    if "row-level security" in str(error):
        refusal = str(error).splitlines()[0]
        tenant = call_scope().tenant
        raise TenantRefused(module=current_module(), tenant=tenant, refusal=refusal) from error
