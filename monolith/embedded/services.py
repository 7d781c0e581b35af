"""The servers that a project embeds, as `manage.py down` sees them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from monolith.embedded.environ import data_directory
from monolith.embedded.postgres import PostgresCluster


class Service(Protocol):
    """A server with its data below the project's data directory."""

    @property
    def name(self) -> str:
        """What people call it."""

    def stop(self) -> bool:
        """Stop it and keep its data; returns whether it was running."""

    def erase(self) -> None:
        """Stop it and remove its data."""


def services(environ: Mapping[str, str], project: Path) -> list[Service]:
    """Return every server that the project may have started, in the order to stop them."""
    return [PostgresCluster(data_directory(environ, project))]
