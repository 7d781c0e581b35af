"""Clusters of their own for the tests of embedded servers; each is stopped and erased, whatever happened to it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from monolith.embedded import PostgresCluster

ROOT: Final = Path(__file__).resolve().parents[2]
IS_ROOT: Final = os.geteuid() == 0

type NewCluster = Callable[..., PostgresCluster]


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter; pytest's own is closed to the server's when root runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="embedded-")).resolve()
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty directory that every account may enter."""
    with open_directory() as directory:
        yield directory


@pytest.fixture
def new_cluster(place: Path) -> Iterator[NewCluster]:
    """Make clusters below `place`."""
    made: list[PostgresCluster] = []

    def make(name: str = "var") -> PostgresCluster:
        made.append(PostgresCluster(place / name, shared=(place / "shared",)))
        return made[-1]

    yield make
    for cluster in made:
        cluster.erase()


@pytest.fixture
def cluster(new_cluster: NewCluster) -> PostgresCluster:
    """A cluster that runs."""
    made = new_cluster()
    made.start()
    return made


@pytest.fixture(scope="module")
def standing() -> Iterator[PostgresCluster]:
    """A cluster that runs and that a file's tests share: they only look at it."""
    with open_directory() as directory:
        cluster = PostgresCluster(directory / "var", shared=(directory / "shared",))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.erase()


def connect(cluster: PostgresCluster, **parameters: Any) -> psycopg.Connection[Any]:
    """Connect as the superuser with the cluster's own password file, in autocommit."""
    defaults: dict[str, Any] = {"passfile": str(cluster.passfile("admin")), "autocommit": True}
    return psycopg.connect(cluster.admin_url, **defaults | parameters)


def write_row(cluster: PostgresCluster) -> None:
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE kept (value int)")
        connection.execute("INSERT INTO kept VALUES (42)")


def read_rows(cluster: PostgresCluster) -> list[tuple[int]]:
    with connect(cluster) as connection:
        return connection.execute("SELECT value FROM kept").fetchall()


def postmaster_id(cluster: PostgresCluster) -> int:
    """Return the id of the running server's process."""
    process = cluster.postmaster.process
    assert process is not None
    return process.id


def python(script: str, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    """Start Python on a script that can import this project; its output is captured."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*options.pop("path", ()), str(ROOT)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def output(process: "subprocess.Popen[str]") -> str:
    """Return what a process wrote once its pipes are closed, so also when nothing it started holds them."""
    with process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return out.strip()
