"""The MCP Inspector's command line against the private tier: over HTTP with a bearer token, and over standard input."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.served_tier import ROOT
from tests.system.tool_arguments import valid_arguments
from tests.system.tools_tier import Tier, tier

__all__ = ["tier"]

pytestmark = pytest.mark.slow

PACKAGES: Final = Path(__file__).parent / "inspector"  # what is installed, with its checksums
START: Final = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
INSTALL_S: Final = 300
TIMEOUT_S: Final = 120  # for a process of ours to start on a busy machine, and to answer

type Inspect = Callable[..., Any]


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Install the Inspector; returns the beginning of its command line. It wants a newer Node.js than Debian has."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(
            "npm is not installed; the Inspector comes from its registry, and with it the Node.js to run it"
        )
    folder = tmp_path_factory.mktemp("inspector")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert done.returncode == 0, done.stderr
    [node] = folder.glob("node_modules/node-linux-*/bin/node")
    return [str(node), str(folder / START), "--cli"]


@pytest.fixture(scope="module", params=["http legacy", "stdio modern"])
def inspect(request: pytest.FixtureRequest, inspector: Sequence[str], tier: Tier) -> Inspect:
    """Return a function that runs the Inspector and returns what it printed, as JSON."""
    way, era = request.param.split()
    secret = tier.token(f"inspector-{way}-{era}")
    environ = {**tier.environ, "MONOLITH_MCP_TOKEN": secret}
    target = (
        [
            "--transport",
            "http",
            "--server-url",
            f"{tier.url}/mcp",
            "--header",
            f"Authorization: Bearer {secret}",
        ]
        if way == "http"
        else ["-e", f"MONOLITH_MCP_TOKEN={secret}", sys.executable, "manage.py", "mcp"]
    )
    if way == "stdio":
        passed = ("DATABASE_URL", "PGPASSFILE", "MONOLITH_SECRET_KEY", "MONOLITH_DATA_DIR", "PATH", "HOME")
        target = [
            part for name in passed if name in environ for part in ("-e", f"{name}={environ[name]}")
        ] + target

    def run(method: str, *options: str) -> Any:
        how = ["--protocol-era", era, "--format", "json", "--connect-timeout", str(TIMEOUT_S * 500)]
        command = [*inspector, *target, *how, "--method", method, *options]
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)["result"]

    return run


def test_tools_are_listed_without_a_problem_of_portability_and_called(inspect: Inspect) -> None:
    names = {tool["name"] for tool in inspect("tools/list", "--strict")["tools"]}
    assert {"knowledge_search_notes", "monolith_list_modules"} <= names
    arguments = json.dumps(valid_arguments("any")["knowledge_search_notes"])
    told = inspect("tools/call", "--tool-name", "knowledge_search_notes", "--tool-args-json", arguments)
    assert told["structuredContent"]["hits"] == []


def test_resources_and_prompts_are_listed_and_read(inspect: Inspect) -> None:
    listed = {each["uri"] for each in inspect("resources/list")["resources"]}
    assert {"monolith://modules", "monolith://modules/knowledge"} <= listed
    templates = inspect("resources/templates/list")["resourceTemplates"]
    assert "knowledge://notes/{slug}" in {each["uriTemplate"] for each in templates}
    assert "# Modules" in inspect("resources/read", "--uri", "monolith://modules")["contents"][0]["text"]
    prompts = {each["name"] for each in inspect("prompts/list")["prompts"]}
    assert "knowledge_answer_from_notes" in prompts
    given = ["--prompt-name", "knowledge_answer_from_notes", "--prompt-args", "question=Why?"]
    assert "Why?" in inspect("prompts/get", *given)["messages"][0]["content"]["text"]
