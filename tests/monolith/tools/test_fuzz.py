"""Calls that mean harm: each is answered or clearly refused, crosses nothing, tells no secret, is on record.

Some go by HTTP to a private tier under granian, the others straight to what the server calls. The arguments are made of each
tool's own schema by one seed (`payloads.SEED`). TOOLS_FUZZED_BY_HTTP=4000 TOOLS_FUZZED_STRAIGHT=6000 makes ten thousand of
them, as the tools are held to.
"""

import http.client
import json
import os
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.db import connections

from monolith import entering
from monolith.contracts import acting
from monolith.embedded import PostgresCluster
from monolith.testing.database import admin_connection
from monolith.tools.calls import call_tool
from monolith.tools.models import ToolCall
from monolith.tools.registry import tools
from monolith.tools.tokens import Identity
from tests.monolith.tools.payloads import PLANTED, payloads
from tests.monolith.tools.test_tenants import NAMES, take_lock
from tests.tool_calls import known, secret_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]

BY_HTTP: Final = int(os.environ.get("TOOLS_FUZZED_BY_HTTP", "800"))
STRAIGHT: Final = int(os.environ.get("TOOLS_FUZZED_STRAIGHT", "1700"))
CLIENTS: Final = 4
CLEAR: Final = {"succeeded", "refused", "invalid", "undecided"}
PARSE_ERROR, INTERNAL_ERROR = -32700, -32603
TABLE: Final = "SELECT coalesce(json_agg(t), '[]')::text FROM platform.{} AS t"


@dataclass(frozen=True)
class Sent:
    """One call."""

    tool: str
    arguments: dict[str, Any]


@dataclass
class Guests:
    """Two tokens of two tenants, for everything that is not of the framework, and what none of them may ever read."""

    secrets: dict[str, str] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)


@pytest.fixture
def guests(cluster: PostgresCluster) -> Guests:
    found = Guests()
    for tenant, name in NAMES.items():
        with entering("agent"), acting(tenant=tenant):
            take_lock(name=name)
        found.secrets[tenant] = secret_of(name=f"of {tenant}", tenant=tenant)
        found.identities[tenant] = known(found.secrets[tenant])
    passwords = [
        line.rsplit(":", 1)[1] for line in cluster.passfile("private").read_text().splitlines() if ":" in line
    ]
    found.hidden = [
        *found.secrets.values(),
        str(settings.SECRET_KEY),
        "signs the sessions of one test",
        *passwords,
    ]
    assert len(passwords) > 3
    return found


def calls(count: int, *, skip: int) -> list[tuple[str, Sent]]:
    """Return calls of every tool in turn, and of none, by turns of both tenants."""
    each = -(-count // len(tools()))
    made = {name: payloads(tool, each + skip)[skip:] for name, tool in tools().items()}
    found = [
        Sent(name, arguments)
        for row in zip(*made.values(), strict=True)
        for name, arguments in zip(made, row, strict=True)
    ]
    return [(list(NAMES)[number % 2], sent) for number, sent in enumerate(found[:count])]


def require_clear(tenant: str, sent: Sent, outcome: str, text: str, guests: Guests) -> None:
    shown = f"{sent.tool} with {json.dumps(sent.arguments)[:2_000]} told {text[:1_000]}"
    assert outcome in CLEAR, f"{outcome}: {shown}"
    other = next(name for whose, name in NAMES.items() if whose != tenant)
    for hidden in (*guests.hidden, PLANTED, other):
        assert hidden not in text, f"{hidden!r} is in an answer: {shown}"


def test_straight_calls_are_answered_or_refused_and_each_is_on_record(
    guests: Guests, caplog: pytest.LogCaptureFixture
) -> None:
    sent = calls(STRAIGHT, skip=0)
    found: Counter[str] = Counter()
    spent: dict[str, float] = defaultdict(float)
    for tenant, each in sent:
        began = time.perf_counter()
        told = call_tool(guests.identities[tenant], each.tool, each.arguments)
        spent[each.tool] += time.perf_counter() - began
        require_clear(tenant, each, told.outcome, told.text + json.dumps(told.content), guests)
        found[told.outcome] += 1
    kept = Counter(ToolCall.objects.values_list("outcome", flat=True))
    slowest = sorted(spent.items(), key=lambda item: -item[1])[:3]
    report(f"{STRAIGHT} straight in {sum(spent.values()):.0f} s, most for {slowest}: {dict(found)}")
    assert kept == found
    assert sum(kept.values()) == STRAIGHT
    require_no_secret(caplog.text, guests)


def test_calls_by_http_are_answered_or_refused_and_each_is_on_record(
    guests: Guests, served_with_log: tuple[int, Path]
) -> None:
    port, log = served_with_log
    began = time.perf_counter()
    sent = calls(BY_HTTP, skip=-(-STRAIGHT // len(tools())))
    made = time.perf_counter() - began
    with ThreadPoolExecutor(CLIENTS) as threads:
        parts = list(threads.map(lambda start: _client(port, sent[start::CLIENTS], guests), range(CLIENTS)))
    found = sum(parts, Counter[str]())
    kept = Counter(ToolCall.objects.values_list("outcome", flat=True))
    report(
        f"{BY_HTTP} by HTTP in {time.perf_counter() - began:.0f} s, {made:.0f} s to make them: {dict(found)}; on record: {dict(kept)}"
    )
    unread = found.pop("unreadable", 0)  # no JSON that can be read: nobody was called
    told = found["told"] + found["error"]
    assert told + unread == BY_HTTP
    assert unread < BY_HTTP / 5
    assert sum(kept.values()) == told
    assert found["told"] == kept["succeeded"]
    assert set(kept) <= CLEAR
    require_no_secret(log.read_text(errors="replace"), guests)


def _client(port: int, sent: list[tuple[str, Sent]], guests: Guests) -> Counter[str]:
    found: Counter[str] = Counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for number, (tenant, each) in enumerate(sent):
            status, answer = _post(connection, number, each, guests.secrets[tenant])
            shown = f"{each.tool} with {json.dumps(each.arguments)[:2_000]}: {status} {json.dumps(answer)[:1_000]}"
            assert status < 500, shown
            assert answer.get("error", {}).get("code") != INTERNAL_ERROR, shown
            if status != 200 or "result" not in answer:
                assert status in (200, 400), shown
                found["unreadable"] += 1
                continue
            result = answer["result"]
            text = json.dumps(result, ensure_ascii=False)
            outcome = (
                "failed"
                if "The log has it as" in text
                else "refused"
                if result.get("isError")
                else "succeeded"
            )
            require_clear(tenant, each, outcome, text, guests)
            found["error" if result.get("isError") else "told"] += 1
    return found


def _post(
    connection: http.client.HTTPConnection, number: int, sent: Sent, secret: str
) -> tuple[int, dict[str, Any]]:
    message = {
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {"name": sent.tool, "arguments": sent.arguments},
    }
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-06-18",
    }
    connection.request("POST", "/mcp", json.dumps(message).encode(), headers)
    with connection.getresponse() as response:
        body = response.read().decode()
        if response.headers.get_content_type() == "text/event-stream":
            lines = [
                line for line in body.split("\n") if line.startswith("data: ")
            ]  # JSON has other ends of lines
            body = lines[-1].removeprefix("data: ")
        answer = json.loads(body) if body else {}
        return response.status, answer if isinstance(answer, dict) else {"result": answer}


def require_no_secret(log: str, guests: Guests) -> None:
    """Look through the log, and every column of what is kept of calls."""
    name = connections["default"].settings_dict["NAME"]
    with admin_connection(PostgresCluster(Path(os.environ["MONOLITH_DATA_DIR"])), name) as admin:
        rows = [
            admin.execute(TABLE.format(table)).fetchone()
            for table in ("monolith_tools_call", "monolith_tools_token")
        ]
    for where, text in (
        ("the log", log),
        ("the record", rows[0][0] if rows[0] else ""),
        ("tokens", rows[1][0] if rows[1] else ""),
    ):
        for hidden in (*guests.hidden, PLANTED):
            assert hidden not in text, f"{hidden!r} is in {where}"


def report(text: str) -> None:
    """Say what came out, for whoever runs this with -s."""
    sys.stdout.write(f"\n{text}\n")
