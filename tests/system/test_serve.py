"""One tier as a process: what it refuses, what it leaves out of its workers, and `runserver` on an empty machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monolith.embedded import PostgresCluster, erase
from monolith.embedded.port import free_port
from monolith.serving.exit_codes import FAILED, PORT_TAKEN, REFUSED
from monolith.testing.database import admin_connection
from tests.system.running_up import (
    PROJECT,
    STOP_TIMEOUT_S,
    children,
    environment,
    prepared_directory,
    wait_until,
    wait_until_gone,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here() -> Iterator[Path]:
    """A data directory that is provisioned and migrated."""
    with prepared_directory() as place:
        yield place


def serve(directory: Path, tier: str, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `serve` to its end, which has to come by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "serve", f"--settings=settings.{tier}", *options],
        cwd=PROJECT,
        env=environment(directory, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running(directory: Path, *arguments: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command for a block, in a group of its own, and end it."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=environment(directory, **more),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def status(port: int, path: str) -> int:
    """Return the status of an answer; 0 when there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_public_tier_with_a_secret_refuses_before_it_listens_and_prints_no_value(here: Path) -> None:
    port = free_port()
    with (
        socket.socket() as listening
    ):  # were it to get as far as its port, it would complain about that instead
        listening.bind(("127.0.0.1", port))
        listening.listen()

        result = serve(here, "public", f"--port={port}", MONOLITH_SECRET_KEY="not for the public tier")

    assert result.returncode == REFUSED
    assert "MONOLITH_SECRET_KEY is set" in result.stderr
    assert "not for the public tier" not in result.stdout + result.stderr


def test_public_tier_with_a_private_role_refuses_with_the_findings(here: Path) -> None:
    cluster = PostgresCluster(here)
    with admin_connection(cluster) as administrator:
        administrator.execute("GRANT hikes_rw TO public_reader")
        try:
            result = serve(
                here,
                "public",
                DATABASE_URL=f"{cluster.url()}?options=-crole%3Dhikes_rw",
                PGPASSFILE=str(cluster.passfile("public")),
            )
        finally:
            administrator.execute("REVOKE hikes_rw FROM public_reader")

    assert result.returncode == REFUSED
    assert "'hikes_rw', not 'public_reader'" in result.stderr


def test_migrator_serves_nothing(here: Path) -> None:
    result = serve(here, "migrator")

    assert result.returncode == 1
    assert "The migrator serves nothing" in result.stderr


def test_database_that_cannot_be_reached_is_named(here: Path) -> None:
    result = serve(here, "public", DATABASE_URL="postgresql://127.0.0.1:1/nothing")

    assert result.returncode == FAILED
    assert "postgresql://127.0.0.1:1/nothing" in result.stderr
    assert "Traceback" not in result.stderr


def test_taken_port_is_named(here: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as granian listens
        other.bind(("127.0.0.1", 0))
        other.listen()

        result = serve(here, "public", f"--port={other.getsockname()[1]}")

    assert result.returncode == PORT_TAKEN
    assert "choose another port with --port" in result.stderr


def test_tracing_without_its_packages_refuses_before_it_listens(here: Path, tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not installed')")

    result = serve(
        here, "public", PYTHONPATH=str(tmp_path), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318"
    )

    assert result.returncode == REFUSED
    assert "install fastmonolith[telemetry]" in result.stderr


def test_workers_end_with_their_server_however_it_ends(here: Path) -> None:
    port = free_port()
    with running(here, "serve", "--settings=settings.public", f"--port={port}", "--workers=2") as server:
        wait_until(lambda: status(port, "/readyz") == 200, "it is ready")
        group = {str(pid): pid for pid in (server.pid, *children(server.pid))}
        assert len(group) == 3

        os.kill(server.pid, signal.SIGKILL)
        server.wait()

        wait_until_gone(group)


@pytest.mark.parametrize("tier", ["public", "private"])
def test_runserver_works_by_itself_on_an_empty_machine(tier: str) -> None:
    directory = Path(tempfile.mkdtemp(prefix="monolith-runserver-"))
    port = free_port()
    try:
        with running(directory, "runserver", f"--settings=settings.{tier}", str(port)):
            wait_until(lambda: status(port, "/readyz") == 200, "it is ready")

            assert status(port, "/api/hikes/walks/tryfan") == 200
            assert status(port, "/admin/login/") == (200 if tier == "private" else 404)
    finally:
        erase(directory)
        shutil.rmtree(directory)


def test_runserver_refuses_as_serve_does(here: Path) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "runserver", "--settings=settings.public", str(free_port())],
        cwd=PROJECT,
        env=environment(here, MONOLITH_SECRET_KEY="not for the public tier"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == REFUSED
    assert "MONOLITH_SECRET_KEY is set" in result.stderr
