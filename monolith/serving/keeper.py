"""Keeping embedded servers running beside the processes that use them."""

import threading
from collections.abc import Callable
from typing import Final

from monolith.embedded import EmbeddedServer
from monolith.errors import EmbeddedServiceError

LOOK_EVERY_S: Final = 1.0  # reading one small file


class Keeper:
    """Starts an embedded server again when it is gone."""

    def __init__(self, server: EmbeddedServer, *, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper-{server.kind.folder}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let go of the server, which runs on."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        name = self._server.name
        while not self._stopped.wait(LOOK_EVERY_S):
            if self._server.is_running():
                continue
            self._say(f"{name} is gone; starting it again")
            try:
                self._server.start()
            except EmbeddedServiceError as error:
                self._say(str(error))
            else:
                self._say(f"{name} runs again")
