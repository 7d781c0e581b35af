"""The MCP server as it is served: the official client over HTTP against granian, and over standard input and output."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
from jsonschema_rs import Draft202012Validator
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from monolith.embedded import PostgresCluster
from tests.served_tier import ROOT, served, tier_environ
from tests.system.running_up import prepared_directory

pytestmark = pytest.mark.slow

# What each tool is called with that cannot be called without arguments.
VALID = {
    "hikes_get_walk": {"slug": "ben-nevis"},
    "knowledge_get_note": {"slug": "nowhere"},
    "knowledge_ingest_raw": {"idempotency_key": "one", "text": "A text."},
    "knowledge_search_notes": {"text": "modules"},
    "monolith_explain_route": {"name": "knowledge.search"},
    "monolith_replay_dead_letter": {"job": "hikes/1"},
    "scheduler_run_now": {"idempotency_key": "one", "task": "apps.hikes.tasks.prune"},
    "ships_find_vessels": {"near": {"latitude": 56.0, "longitude": -5.0, "radius_km": 50.0}},
    "ships_get_vessel": {"mmsi": 235000001},
    "stars_get_sun_times": {"places": [{"latitude": 57.0, "longitude": -4.0}], "days": ["2026-11-21"]},
}


@dataclass(frozen=True)
class Tier:
    url: str
    environ: dict[str, str]

    def token(self, name: str, *scopes: str) -> str:
        given = [word for scope in scopes for word in ("--scope", scope)]
        done = subprocess.run(
            [
                sys.executable,
                "manage.py",
                "tokens",
                "create",
                name,
                *given,
                "--calls-a-minute",
                "100000",
                "--json",
            ],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        secret: str = json.loads(done.stdout)["secret"]
        return secret


@pytest.fixture(scope="module")
def tier() -> Iterator[Tier]:
    with prepared_directory() as directory:
        cluster = PostgresCluster(directory)
        environ = tier_environ(cluster, "private")
        with served(cluster, "private") as serving:
            yield Tier(serving.address, {**os.environ, **environ})


@asynccontextmanager
async def over_http(tier: Tier, secret: str) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as client,
        streamable_http_client(f"{tier.url}/mcp", http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        yield session


@asynccontextmanager
async def over_stdio(tier: Tier, secret: str) -> AsyncIterator[ClientSession]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["manage.py", "mcp"],
        cwd=str(ROOT),
        env={**tier.environ, "MONOLITH_MCP_TOKEN": secret},
    )
    async with stdio_client(server) as streams, ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        yield session


@pytest.mark.parametrize("way", [over_http, over_stdio], ids=["http", "stdio"])
def test_every_tool_is_listed_called_and_answers_as_its_schema_says(tier: Tier, way: object) -> None:
    secret = tier.token(
        f"all-{getattr(way, '__name__', '')}", "read:*", "execute:*", "propose:*", "restricted:*"
    )

    async def run() -> dict[str, bool]:
        called = {}
        async with way(tier, secret) as session:  # type: ignore[operator]
            for tool in (await session.list_tools()).tools:
                result = await session.call_tool(tool.name, VALID.get(tool.name, {}))
                called[tool.name] = result.is_error
                assert result.content[0].text
                if not result.is_error:
                    Draft202012Validator(tool.output_schema).validate(result.structured_content)
            resources = (await session.list_resources()).resources
            texts = [await session.read_resource(resource.uri) for resource in resources]
            assert all("# Modules" in each.contents[0].text for each in texts)
        return called

    called = asyncio.run(run())
    assert len(called) > 10
    # What asks a person, and what is not there.
    assert {name for name, is_error in called.items() if is_error} == {
        "knowledge_get_note",
        "monolith_replay_dead_letter",
        "ships_get_vessel",
        "hikes_get_walk",
    }
