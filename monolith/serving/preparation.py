"""Whether the embedded database is as the code wants it, remembered between runs."""

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django

from monolith.embedded import PostgresCluster
from monolith.embedded.passfile import write_private
from monolith.module import Module


@dataclass(slots=True)
class Preparation:
    """What was done to one database; it says nothing about another that took its place."""

    cluster: int = 0  # PostgreSQL's system identifier
    fingerprint: str = ""  # of the declarations and migrations that it was prepared for
    samples: dict[str, str] = field(default_factory=dict)  # loader by module
    has_admin: bool = False


class PreparationFile:
    """Where the preparation of a data directory's database is remembered."""

    def __init__(self, cluster: PostgresCluster) -> None:
        self._path = cluster.directory / "prepared.json"
        self._cluster = cluster

    def read(self) -> Preparation:
        """Return what was done to the database that is there now."""
        identifier = self._identifier()
        try:
            found = Preparation(**json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            found = Preparation()
        return found if identifier and found.cluster == identifier else Preparation(cluster=identifier)

    def update(self, **changes: Any) -> None:
        """Remember what was done."""
        state = self.read()
        for name, value in changes.items():
            setattr(state, name, value)
        fields = {name: getattr(state, name) for name in Preparation.__dataclass_fields__}
        write_private(self._path, f"{json.dumps(fields, indent=2)}\n")

    def is_current(self, modules: Iterable[Module]) -> bool:
        """Say whether the database was prepared for these modules and their migrations."""
        return self.read().fingerprint == fingerprint(modules)

    def _identifier(self) -> int:
        # pg_control begins with the system identifier (PostgreSQL, src/include/catalog/pg_control.h).
        try:
            with (self._cluster.data / "global" / "pg_control").open("rb") as file:
                return int.from_bytes(file.read(8), "little")
        except OSError:
            return 0


def fingerprint(modules: Iterable[Module]) -> str:
    """Return a digest that changes with every declaration and every added or removed migration."""
    digest = hashlib.sha256(django.get_version().encode())
    for module in sorted(modules, key=lambda module: module.name):
        digest.update(f"{module!r}\n{sorted(_migrations(module.django_app))}\n".encode())
    digest.update(
        f"{sorted(_migrations('monolith'))}\n".encode()
    )  # each schema has the framework's tables too
    return digest.hexdigest()


def missing_samples(modules: Mapping[str, Module], loaded: Mapping[str, str]) -> list[str]:
    """Return the modules whose sample data was not loaded yet."""
    return [
        name
        for name, module in modules.items()
        if module.sample_data and loaded.get(name) != module.sample_data
    ]


def _migrations(app: str) -> list[str]:
    found = importlib.util.find_spec(app)
    folders = (found.submodule_search_locations or []) if found else []
    return [path.name for folder in folders for path in (Path(folder) / "migrations").glob("[0-9]*.py")]
