"""Every tool, by every scope, with tokens in every state: the one cell that is meant answers, and no other.

Made of the registry: a tool that is added tomorrow is held tomorrow.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from django.utils import timezone

from monolith.composition import composed
from monolith.tools import tokens
from monolith.tools.calls import call_tool, visible_tools
from monolith.tools.models import Token, ToolCall
from monolith.tools.offer import Tag
from monolith.tools.registry import tools
from monolith.tools.scopes import EVERY, FRAMEWORK
from monolith.tools.tokens import Identity
from tests.environment import outer_environment
from tests.tool_calls import guest, known, secret_of

pytestmark = pytest.mark.django_db(databases="__all__")

ROOT = Path(__file__).resolve().parents[3]
TAGS = [str(tag) for tag in Tag]
# What could be taken for a scope by a comparison that is not exact; none may be made, and none works where it stands.
NO_SCOPES = [
    "",
    "*",
    ":",
    "*:*",
    "read",
    "read:",
    ":stars",
    "*:stars",
    "READ:stars",
    "read:STARS",
    "read:stars ",
    " read:stars",
    "read:stars\u200b",
    "read:stars,ships",
    "read:st",
    "read:starss",
    "read:\uff53tars",  # fullwidth: equal to it once normalised
    "\uff52ead:stars",
    "read:%",
    "read:.*",
    "read::stars",
    "read:*:stars",
]


def cells() -> list[str]:
    modules = [FRAMEWORK, *composed().modules, EVERY]
    return [f"{tag}:{module}" for tag, module in product(TAGS, modules)]


def named(scope: str) -> str:
    """Return what a token of a scope is called."""
    return scope.replace(":", " ")


def meant(scope: str) -> set[str]:
    """Return the tools that a scope is for, by its text and the tools' declarations alone."""
    tag, module = scope.split(":")
    return {name for name, tool in tools().items() if tool.tag == tag and module in (tool.module, "*")}


def outcomes_of(identity: Identity) -> dict[str, str]:
    return {name: call_tool(identity, name, {}).outcome for name in tools()}


@pytest.mark.parametrize("tag", TAGS)
def test_a_valid_token_gets_what_its_scope_names_and_nothing_else(tag: str) -> None:
    expected: Counter[str] = Counter()
    for scope in cells():
        if not scope.startswith(f"{tag}:"):
            continue
        identity = guest(scope, name=named(scope))
        mine = meant(scope)
        assert {tool.name for tool in visible_tools(identity)} == mine
        outcomes = outcomes_of(identity)
        assert {name for name, outcome in outcomes.items() if outcome != "forbidden"} == mine, scope
        assert not {"failed", "limited", "running"} & set(outcomes.values()), scope
        expected.update({named(scope): len(outcomes)})
    assert Counter(ToolCall.objects.values_list("token_name", flat=True)) == expected


def test_a_token_that_has_ended_gets_nothing() -> None:
    identities = {}
    for scope in cells():
        secret = secret_of(scope, name=named(scope))
        identities[scope] = (known(secret), secret)
    half = [named(scope) for scope in cells()[::2]]
    Token.objects.filter(name__in=half).update(revoked_at=timezone.now())
    Token.objects.exclude(name__in=half).update(expires_at=timezone.now() - timedelta(microseconds=1))
    for scope, (identity, secret) in identities.items():
        assert tokens.authenticate(secret) is None
        # Whoever still holds an identity, a session that was open, gets nothing with it.
        assert {call_tool(identity, name, {}).outcome for name in meant(scope)} <= {"forbidden"}
    calls = sum(len(meant(scope)) for scope in cells())
    assert set(ToolCall.objects.values_list("outcome", "units")) == {("forbidden", 0)}
    assert ToolCall.objects.count() == calls


@pytest.mark.parametrize("scope", NO_SCOPES)
def test_what_only_looks_like_a_scope_allows_nothing(scope: str) -> None:
    with pytest.raises(tokens.TokenProblem):
        tokens.make(name="agent", scopes=[scope], made_by="me")
    secret = secret_of("read:ships")
    Token.objects.update(scopes=[scope])
    identity = known(secret)
    assert visible_tools(identity) == []
    assert call_tool(identity, "stars_find_sites", {}).outcome == "forbidden"


@pytest.mark.parametrize("kept", ["read:*", {"read:*": True}, "", 7, [["read:*"]], [{"read": "*"}]])
def test_scopes_that_are_no_list_of_texts_allow_nothing(kept: object) -> None:
    secret = secret_of("read:ships")
    Token.objects.update(scopes=kept)
    assert visible_tools(known(secret)) == []


def test_no_token_and_no_scope_is_nobody() -> None:
    secret = secret_of("read:*")
    for other in (
        "",
        " ",
        secret[:-1],
        secret + " ",
        secret.upper(),
        secret.removeprefix("fmt_"),
        "\ud800",
        "x" * 10**6,
    ):
        assert tokens.authenticate(other) is None
    identity = known(tokens.make(name="none", scopes=[], made_by="me")[1])
    assert visible_tools(identity) == []
    assert set(outcomes_of(identity).values()) == {"forbidden"}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["stars", "compliance"])
def test_a_part_of_the_system_lists_its_own_tools_only(module: str) -> None:
    code = (
        "import django, json; django.setup();"
        "from monolith.tools.registry import tools;"
        "print(json.dumps({name: tool.module for name, tool in tools().items()}))"
    )
    environ = outer_environment() | {
        "DJANGO_SETTINGS_MODULE": "settings.private",
        "MONOLITH_MODULES": module,
        "MONOLITH_SECRET_KEY": "of one test",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "MONOLITH_DATA_DIR": os.environ["MONOLITH_DATA_DIR"],
        **{
            f"MONOLITH_CONTRACT_KEYS_{other.upper()}": "0" * 64
            for other in composed().modules
            if other != module
        },
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert set(listed.values()) <= {module, FRAMEWORK}
    assert set(listed) == {name for name, tool in tools().items() if tool.module in (module, FRAMEWORK)}
