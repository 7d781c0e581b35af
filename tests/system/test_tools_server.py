"""The MCP server as it is served: the official client over HTTP against granian, and over standard input and output."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from jsonschema_rs import Draft202012Validator
from mcp import ClientSession

from tests.served_tier import ROOT
from tests.system.tools_project import over_http, over_stdio
from tests.system.tools_tier import Tier, tier

__all__ = ["tier"]

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


ANSWERED_WITH_AN_ERROR = {
    "knowledge_get_note",
    "monolith_replay_dead_letter",
    "ships_get_vessel",
    "hikes_get_walk",
}


def session_of(
    tier: Tier, way: str, revision: str, purpose: str = "tools"
) -> AbstractAsyncContextManager[ClientSession]:
    secret = tier.token(f"{way}-{revision}-{purpose}")
    if way == "http":
        return over_http(tier.url, secret, revision)
    return over_stdio(ROOT, tier.environ, secret, revision)


@pytest.mark.parametrize("revision", ["legacy", "modern"])
@pytest.mark.parametrize("way", ["http", "stdio"])
def test_every_tool_is_listed_called_and_answers_as_its_schema_says(
    tier: Tier, way: str, revision: str
) -> None:
    async def run() -> dict[str, bool]:
        called = {}
        async with session_of(tier, way, revision) as session:
            for tool in (await session.list_tools()).tools:
                result = await session.call_tool(tool.name, VALID.get(tool.name, {}))
                called[tool.name] = result.is_error
                assert result.content[0].text
                if not result.is_error:
                    Draft202012Validator(tool.output_schema).validate(result.structured_content)
        return called

    called = asyncio.run(run())
    assert len(called) > 10
    # What asks a person, and what is not there.
    assert {name for name, is_error in called.items() if is_error} == ANSWERED_WITH_AN_ERROR


@pytest.mark.parametrize("way", ["http", "stdio"])
def test_resources_and_prompts_are_listed_and_read(tier: Tier, way: str) -> None:
    async def run() -> None:
        async with session_of(tier, way, "legacy", "resources") as session:
            resources = (await session.list_resources()).resources
            texts = {each.uri: (await session.read_resource(each.uri)).contents[0].text for each in resources}
            assert "# Modules" in texts["monolith://modules"]
            assert "# Knowledge" in texts["monolith://modules/knowledge"]
            templates = (await session.list_resource_templates()).resource_templates
            assert "knowledge://notes/{slug}" in {each.uri_template for each in templates}
            prompts = {each.name: each for each in (await session.list_prompts()).prompts}
            assert {"knowledge_answer_from_notes", "monolith_explain_dead_letter"} <= prompts.keys()
            for each in prompts.values():
                given = {argument.name: "a text" for argument in each.arguments or ()}
                assert (await session.get_prompt(each.name, given)).messages[0].content.text

    asyncio.run(run())
