"""Hearing what the database says: LISTEN on one connection per server, for as long as somebody wants to hear.

Polling is the fallback of whoever uses it: behind a pooler in transaction mode nothing is heard.
"""

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import psycopg
from django.db import connections
from psycopg.sql import SQL, Identifier

from monolith.composition import composed

logger = logging.getLogger("monolith.notifications")

LISTEN_AGAIN_S: Final = 1.0
LISTEN_FOR_S: Final = 0.5  # until the thread looks whether it is to end


class Listener:
    """Calls `hear` with the payload of each notification on a channel, from threads of its own.

    It calls `began` whenever it hears a server from then on, also again: what was said before was missed.
    """

    def __init__(
        self,
        channel: str,
        hear: Callable[[str], None],
        *,
        until: Callable[[], bool],
        began: Callable[[], None] = lambda: None,
    ) -> None:
        self._channel = channel
        self._hear = hear
        self._is_ending = until
        self._began = began
        self._pause = threading.Event()

    def start(self) -> None:
        """Begin to listen, on every server that modules of this process live on."""
        for alias in _servers():
            threading.Thread(target=self._listen, args=(alias,), daemon=True).start()

    def _listen(self, alias: str) -> None:
        while not self._is_ending():
            try:
                with psycopg.connect(**_parameters(alias), autocommit=True) as connection:
                    connection.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
                    self._began()
                    self._pass_on(connection)
            except psycopg.Error as error:
                logger.info("not listening on %s, polling: %s", self._channel, error)
                self._pause.wait(LISTEN_AGAIN_S)

    def _pass_on(self, connection: psycopg.Connection[Any]) -> None:
        while not self._is_ending():
            for notification in connection.notifies(timeout=LISTEN_FOR_S):
                self._hear(notification.payload)


def _servers() -> list[str]:
    """Return one alias for each database that modules of this process live in.

    Each process takes another one: a module's role may have so many connections and no more.
    """
    addresses: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for module in composed().modules:
        alias = composed().alias_of(module)
        options = composed().databases[alias]
        addresses[options["HOST"], options["PORT"], options["NAME"]].append(alias)
    return [aliases[os.getpid() % len(aliases)] for aliases in addresses.values()]


def _parameters(alias: str) -> dict[str, Any]:
    parameters = connections[alias].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(name, None)
    return parameters
