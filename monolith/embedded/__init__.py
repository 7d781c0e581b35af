"""Servers that run from a project's data directory when the environment names none."""

from monolith.embedded.environ import data_directory, ensure_started, environ
from monolith.embedded.postgres import PostgresCluster
from monolith.embedded.services import Service, services

__all__ = ["PostgresCluster", "Service", "data_directory", "ensure_started", "environ", "services"]
