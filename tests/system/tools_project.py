"""A project of one module whose tools take their time, served in processes of a test."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import REQUEST_TIMEOUT

from monolith.embedded.port import free_port
from tests.generated_project import GeneratedProject
from tests.served_tier import stop, wait_until_it_answers
from tests.system.served_tokens import served_token

MODULE: Final = "toy"
TOOLS: Final = '''\
"""Tools that take their time, and say so or not."""

import time

from monolith import connection
from monolith.tools import Tag, prompt, resource, tool
from monolith.tools.progress import Progress


def write(title):
    with connection().cursor() as cursor:
        cursor.execute("INSERT INTO toy_item (title, note) VALUES (%s, '')", [title])


@tool(tag=Tag.EXECUTE, time_limit_s=120)
def count_up(*, steps: int, pause_s: float = 0.05, progress: Progress) -> int:
    """Count, and write down each step."""
    for step in range(1, steps + 1):
        progress.report(step, of=steps, message=f"step {step}")
        write(f"step {step}")
        time.sleep(pause_s)
    return steps


@tool(tag=Tag.READ, time_limit_s=120)
def sleep_there(*, seconds: float) -> str:
    """Sleep in PostgreSQL."""
    with connection().cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return "slept"


@tool(tag=Tag.READ)
def repeat_text(*, text: str, times: int) -> str:
    """Repeat a text."""
    return text * times


@resource("toy://items/{title}")
def item(*, title: str) -> str:
    """An item by its title."""
    with connection().cursor() as cursor:
        cursor.execute("SELECT count(*) FROM toy_item WHERE title = %s", [title])
        return f"{title}: {cursor.fetchone()[0]}"


@resource("toy://slow", media_type="text/plain", from_users=False)
def slow() -> str:
    """What takes two seconds."""
    with connection().cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")
    return "slow"


@prompt(tools=("toy_repeat_text",))
def say_twice(*, text: str) -> str:
    """Have a text said twice."""
    return f"Call toy_repeat_text with {text!r} and times=2."
'''


@dataclass
class ToolsProject:
    """The project, with its embedded server."""

    project: GeneratedProject

    def token(self, name: str) -> str:
        """Return the secret of a new token that may call the module's tools."""
        return served_token(self.project.path, self.environ, name, "read:*", "execute:*")

    def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Ask the database as its superuser."""
        with self.project.admin() as connection:
            return connection.execute(sql, parameters).fetchall()

    @property
    def environ(self) -> dict[str, str]:
        return self.project.environ | {"DJANGO_SETTINGS_MODULE": "settings.private"}

    @contextmanager
    def served(self, command: str = "serve") -> Iterator["Address"]:
        """Serve the private tier, by granian or by `runserver`, until the block ends."""
        port = free_port()
        with (self.project.path / f"{command}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *_arguments(command, port)],
                cwd=self.project.path,
                env=self.environ,
                stdout=log,
                stderr=log,
            )
            try:
                wait_until_it_answers(process, port)
                yield Address("127.0.0.1", port, process)
            finally:
                stop(process)

    def log(self, command: str = "serve") -> str:
        return (self.project.path / f"{command}.log").read_text()


@dataclass(frozen=True)
class Address:
    """Where a tier is served, and by which process."""

    host: str
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


def _arguments(command: str, port: int) -> list[str]:
    if command == "serve":
        return ["serve", "--settings=settings.private", "--port", str(port)]
    return ["runserver", "--settings=settings.private", "--noreload", str(port)]


@contextmanager
def tools_project() -> Iterator[ToolsProject]:
    """Give a block a migrated project with its database server, and remove both."""
    place = Path(tempfile.mkdtemp(prefix="monolith-tools-"))
    project = GeneratedProject(place, [MODULE]).write()
    (place / "modules" / MODULE / "tools.py").write_text(TOOLS, encoding="utf-8")
    try:
        for command in ("provision", "migrate_schemas"):
            code, output = project.manage(command)
            assert code == 0, output
        yield ToolsProject(project)
    finally:
        project.stop()
        shutil.rmtree(place)


@asynccontextmanager
async def over_http(url: str, secret: str, mode: str = "legacy") -> AsyncIterator[ClientSession]:
    """Give a block a session over HTTP, of the revisions with a handshake (`legacy`) or without (`modern`)."""
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as client,
        streamable_http_client(f"{url}/mcp", http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await greet(session, mode)
        yield session


async def greet(session: ClientSession, mode: str) -> None:
    """Begin a session in one of the revisions."""
    if mode == "legacy":
        await session.initialize()
        return
    try:
        await session.discover()
    except MCPError as error:  # it waits ten seconds, in which a busy machine may not have started a process
        if error.code != REQUEST_TIMEOUT:
            raise
        await session.discover()


@asynccontextmanager
async def over_stdio(
    directory: Path, environ: dict[str, str], secret: str, mode: str = "legacy"
) -> AsyncIterator[ClientSession]:
    """Give a block a session over standard input and output with `manage.py mcp`."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["manage.py", "mcp"],
        cwd=str(directory),
        env={**environ, "MONOLITH_MCP_TOKEN": secret},
    )
    async with stdio_client(server) as streams, ClientSession(streams[0], streams[1]) as session:
        await greet(session, mode)
        yield session
