"""The servers that a project embeds, as `manage.py down` sees them."""

from collections.abc import Mapping
from pathlib import Path

from monolith.embedded.environ import data_directory
from monolith.embedded.nats import NatsServer
from monolith.embedded.postgres import PostgresCluster
from monolith.embedded.server import EmbeddedServer


def services(environ: Mapping[str, str], project: Path) -> list[EmbeddedServer]:
    """Return every server that the project may have started, in the order to stop them."""
    return _servers(data_directory(environ, project))


def erase(directory: Path) -> None:
    """Stop every server that was started from a data directory, and remove their data and passwords."""
    for server in _servers(directory):
        server.erase()


def _servers(directory: Path) -> list[EmbeddedServer]:
    return [NatsServer(directory), PostgresCluster(directory)]
