"""The MCP server as it is served: the official client over HTTP against granian, and over standard input and output."""

import asyncio
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from mcp import ClientSession
from mcp_types import TextContent, TextResourceContents, Tool

from tests.served_tier import ROOT
from tests.system.tool_arguments import LET_TOKENS_IN, TENANT, valid_arguments
from tests.system.tools_project import over_http, over_stdio
from tests.system.tools_tier import Tier, tier

__all__ = ["tier"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def furnished(tier: Tier) -> Tier:
    """The tier with walks and services in it, and a gate that lets tokens write."""
    for command in (["load_samples", "hikes", "home"], ["shell", "--no-imports", "-c", LET_TOKENS_IN]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=tier.environ,
            check=True,
            capture_output=True,
        )
    return tier


def text_of(content: object) -> str:
    assert isinstance(content, TextContent | TextResourceContents)
    return content.text


def session_of(
    tier: Tier, way: str, revision: str, purpose: str = "tools", tenant: str = ""
) -> AbstractAsyncContextManager[ClientSession]:
    secret = tier.token(f"{way}-{revision}-{purpose}{tenant}", tenant=tenant)
    if way == "http":
        return over_http(tier.url, secret, revision)
    return over_stdio(ROOT, tier.environ, secret, revision)


@pytest.mark.parametrize("revision", ["legacy", "modern"])
@pytest.mark.parametrize("way", ["http", "stdio"])
def test_every_tool_is_listed_called_and_answers_as_its_schema_says(
    furnished: Tier, way: str, revision: str
) -> None:
    valid = valid_arguments(f"{way}-{revision}")

    answers: dict[str, Any] = {}
    asked_a_person = set()
    tools: dict[str, Tool] = {}

    async def call(session: ClientSession, tool: Tool) -> None:
        given = valid.get(tool.name, {})
        arguments = given(answers) if callable(given) else given
        Draft202012Validator(tool.input_schema).validate(arguments)
        result = await session.call_tool(tool.name, arguments)
        text = text_of(result.content[0])
        if (tool.meta or {})["fastmonolith/tag"] == "restricted":
            assert result.is_error
            assert "A person has to confirm" in text
            asked_a_person.add(tool.name)
            return
        assert not result.is_error, f"{tool.name}: {text}"
        assert tool.output_schema is not None
        Draft202012Validator(tool.output_schema).validate(result.structured_content)
        answers[tool.name] = result.structured_content

    async def run() -> None:
        nonlocal tools
        for tenant in (TENANT, ""):
            async with session_of(furnished, way, revision, tenant=tenant) as session:
                tools = {tool.name: tool for tool in (await session.list_tools()).tools}
                assert valid.keys() <= tools.keys()
                for name in (*valid, *(tools.keys() - valid.keys())):
                    if name.startswith("agent_") == bool(tenant):
                        await call(session, tools[name])
        assert asked_a_person | answers.keys() == tools.keys()

    asyncio.run(run())
    assert "monolith_replay_dead_letter" in asked_a_person


@pytest.mark.parametrize("way", ["http", "stdio"])
def test_resources_and_prompts_are_listed_and_read(tier: Tier, way: str) -> None:
    async def run() -> None:
        async with session_of(tier, way, "legacy", "resources") as session:
            resources = (await session.list_resources()).resources
            texts = {
                each.uri: text_of((await session.read_resource(each.uri)).contents[0]) for each in resources
            }
            assert "# Modules" in texts["monolith://modules"]
            assert "# Knowledge" in texts["monolith://modules/knowledge"]
            templates = (await session.list_resource_templates()).resource_templates
            assert "knowledge://notes/{slug}" in {each.uri_template for each in templates}
            prompts = {each.name: each for each in (await session.list_prompts()).prompts}
            assert {"knowledge_answer_from_notes", "monolith_explain_dead_letter"} <= prompts.keys()
            for each in prompts.values():
                given = {argument.name: "a text" for argument in each.arguments or ()}
                assert text_of((await session.get_prompt(each.name, given)).messages[0].content)

    asyncio.run(run())
