"""Servers that run from a project's data directory when the environment names none."""

from monolith.embedded.environ import (
    data_directory,
    embedded_broker,
    embedded_database,
    ensure_started,
    environ,
)
from monolith.embedded.nats import NatsServer
from monolith.embedded.postgres import PostgresCluster
from monolith.embedded.server import EmbeddedServer, start_together
from monolith.embedded.services import erase, services

__all__ = [
    "EmbeddedServer",
    "NatsServer",
    "PostgresCluster",
    "data_directory",
    "embedded_broker",
    "embedded_database",
    "ensure_started",
    "environ",
    "erase",
    "services",
    "start_together",
]
