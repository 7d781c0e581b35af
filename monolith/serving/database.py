"""Keeping the embedded database running beside the servers."""

import threading
from collections.abc import Callable
from typing import Final

from monolith.embedded import PostgresCluster
from monolith.errors import EmbeddedServiceError

LOOK_EVERY_S: Final = 1.0  # reading one small file


class DatabaseKeeper:
    """Starts an embedded server again when it is gone."""

    def __init__(self, cluster: PostgresCluster, *, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="database-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let go of the server, which runs on."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            if self._cluster.is_running():
                continue
            self._say("PostgreSQL is gone; starting it again")
            try:
                self._cluster.start()
            except EmbeddedServiceError as error:
                self._say(str(error))
            else:
                self._say("PostgreSQL runs again")
