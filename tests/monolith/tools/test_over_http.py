"""Tokens at `/mcp` of a served tier, in every state; and what the public tier has of it: nothing."""

import json
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from monolith.embedded import PostgresCluster
from monolith.tools import tokens
from monolith.tools.models import Token, ToolCall
from tests.served_tier import served
from tests.tool_calls import secret_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]


def ask(
    connection: HTTPConnection, secret: str | None, method: str = "tools/list", query: str = "", **params: Any
) -> Any:
    """Send one request; returns the status, what it says about tokens, and the result."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-06-18",
    }
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    connection.request("POST", f"/mcp{query}", json.dumps(message), headers)
    with connection.getresponse() as response:
        body = response.read().decode()
        found = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith("data: ")]
        answer = json.loads(found[-1] if found else body or "{}")
        return response.status, response.headers.get("WWW-Authenticate", ""), answer.get("result")


def test_who_shows_no_good_token_is_told_where_one_is_from(served_with_log: tuple[int, Path]) -> None:
    port, log = served_with_log
    good, expired = secret_of("read:stars", name="good"), secret_of("read:*", name="expired")
    Token.objects.filter(name="expired").update(expires_at=timezone.now() - timedelta(seconds=1))
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        _require_refusals(connection, good, expired)
    outcomes = list(ToolCall.objects.order_by("at").values_list("token_name", "outcome"))
    assert outcomes == [("good", "succeeded"), ("good", "forbidden")]
    written = log.read_text(errors="replace")
    assert "the token 'expired' was shown" in written
    for secret in (good, expired):
        assert secret not in written


def _require_refusals(connection: HTTPConnection, good: str, expired: str) -> None:
    call: dict[str, Any] = {"method": "tools/call", "name": "stars_find_sites", "arguments": {}}

    status, _, result = ask(connection, good)
    assert (status, {tool["name"].split("_")[0] for tool in result["tools"]}) == (200, {"stars"})
    assert ask(connection, good, **call)[2]["isError"] is False
    assert ask(connection, good, **(call | {"name": "hikes_find_walks"}))[2]["isError"] is True

    for secret in (None, "", "x", expired, good[:-1], good.upper()):
        for asked in ({}, call):
            status, where, result = ask(connection, secret, **asked)
            assert (status, result) == (401, None), secret
            assert "/.well-known/oauth-protected-resource/mcp" in where
    status, _, _ = ask(connection, None, query=f"?token={good}&access_token={good}")
    assert status == 401  # a token in an address is none, and is in no log

    tokens.revoke("good")
    assert ask(connection, good, **call)[0] == 401  # on the connection that was open
    assert ask(connection, good)[0] == 401


def test_the_public_tier_has_none_of_it(cluster: PostgresCluster) -> None:
    secret = secret_of("read:*", name="good")
    with (
        served(cluster, "public") as tier,
        closing(HTTPConnection("127.0.0.1", tier.port, timeout=30)) as connection,
    ):
        assert ask(connection, secret)[0] == 404
        for path in (
            "/mcp",
            "/mcp/",
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource/mcp",
        ):
            connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
            with connection.getresponse() as response:
                response.read()
                assert response.status == 404, path
    assert not ToolCall.objects.exists()
