"""Long calls, cancelled calls, and clients that do not keep to the protocol, against served processes."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
from mcp import ClientSession
from mcp.shared.exceptions import MCPError

from monolith.tools.http import KEPT
from monolith.tools.server import THREADS
from tests.system.jobs_project import wait_until
from tests.system.posted_requests import META, MODERN, answer, connected, headers_of, request_of
from tests.system.tools_project import Address, ToolsProject, over_http, over_stdio, tools_project

pytestmark = pytest.mark.slow

WAYS: Final = ("http legacy", "http modern", "stdio legacy", "stdio modern")
NOTICED_S: Final = 5.0
FENCE: Final = re.compile(rb"data [0-9a-f]{16}")  # with a new number in each answer
QUICK: Final[tuple[str, dict[str, Any]]] = ("toy_repeat_text", {"text": "a", "times": 3})
# One that reports, one that is in a statement, and for both of them longer than anybody waits.
LONG: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("toy_count_up", {"steps": 2000}),
    ("toy_sleep_there", {"seconds": 100}),
)


@pytest.fixture(scope="module")
def project() -> Iterator[ToolsProject]:
    with tools_project() as made:
        yield made


@pytest.fixture(scope="module")
def address(project: ToolsProject) -> Iterator[Address]:
    with project.served() as served:
        yield served


@pytest.fixture(scope="module")
def anybody(project: ToolsProject) -> str:
    return project.token("anybody")


@pytest.fixture
def secret(project: ToolsProject, request: pytest.FixtureRequest) -> str:
    return project.token(request.node.name[:80])


@asynccontextmanager
async def session_of(
    project: ToolsProject, address: Address, secret: str, way: str
) -> AsyncIterator[ClientSession]:
    transport, revision = way.split()
    if transport == "http":
        made = over_http(address.url, secret, revision)
    else:
        made = over_stdio(project.project.path, project.environ, secret, revision)
    async with made as session:
        yield session


def outcomes(project: ToolsProject, secret_of: str) -> list[tuple[str, str]]:
    """Return what the record has of a token's calls: tool and outcome, in their order."""
    sql = "SELECT tool, outcome FROM platform.monolith_tools_call WHERE token_name = %s ORDER BY at"
    return [(tool, outcome) for tool, outcome in project.rows(sql, [secret_of])]


def running(project: ToolsProject) -> int:
    """Return how many statements of the module sleep in the database."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    return int(project.rows(sql)[0][0])


@pytest.mark.parametrize(
    "message",
    [
        request_of(*QUICK),
        request_of(QUICK[0], {"text": 1}),
        request_of("toy_is_none", {}),
        request_of(*QUICK) | {"params": {"name": 5}},
        request_of(*QUICK) | {"method": "tools/list", "params": {}},
        request_of(*QUICK) | {"method": "ping", "params": None},
        request_of(*QUICK) | {"method": "no/such", "id": "a"},
    ],
    ids=["call", "wrong argument", "no tool", "wrong parameters", "list", "ping", "no method"],
)
def test_a_request_is_answered_alike_by_the_sdks_transport_and_without(
    address: Address, anybody: str, message: dict[str, Any]
) -> None:
    headers = headers_of(anybody, message) | {"MCP-Protocol-Version": "2025-11-25"}
    body = json.dumps(message).encode()
    without, by_it = (
        answer(address, "POST", body, headers | {"Content-Type": kind})
        for kind in ("application/json", "application/json; charset=utf-8")
    )
    assert (without[0], without[1]["content-type"]) == (by_it[0], by_it[1]["content-type"])
    told, told_by_it = (json.loads(FENCE.sub(b"data", each[2])) for each in (without, by_it))
    assert told == told_by_it


def test_connections_are_there_before_many_agents_come(
    project: ToolsProject, address: Address, anybody: str
) -> None:
    message = request_of(*QUICK)
    answer(address, "POST", json.dumps(message).encode(), headers_of(anybody, message))
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%%' || %s || '%%'"
    for module in ("toy", "platform"):

        def are_there(module: str = module) -> bool:
            return int(project.rows(sql, [module])[0][0]) >= KEPT

        wait_until(are_there, f"{KEPT} connections of {module}")


@pytest.mark.parametrize("way", WAYS)
def test_a_long_call_tells_how_far_it_is(
    project: ToolsProject, address: Address, secret: str, way: str
) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async def run() -> None:
        async with session_of(project, address, secret, way) as session:
            arguments = {"steps": 5, "pause_s": 0.2}
            result = await session.call_tool("toy_count_up", arguments, progress_callback=hear)
            assert result.structured_content == {"result": 5}
            assert told == [(step, 5, f"step {step}") for step in range(1, 6)]
            # Nobody asked for the progress of these, and the second reports nothing.
            await session.call_tool("toy_count_up", {"steps": 2, "pause_s": 0})
            await session.call_tool(QUICK[0], QUICK[1], progress_callback=hear)
            assert len(told) == 5

    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
def test_a_client_cancels_what_runs_and_goes_on(
    project: ToolsProject, address: Address, secret: str, way: str, request: pytest.FixtureRequest
) -> None:
    name = request.node.name[:80]

    async def cancelled(session: ClientSession, tool: str, arguments: dict[str, Any]) -> None:
        call = asyncio.create_task(session.call_tool(tool, arguments))
        begun = project.rows
        before = begun("SELECT count(*) FROM toy.toy_item")
        while not running(project) and begun("SELECT count(*) FROM toy.toy_item") == before:
            await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    async def run() -> None:
        async with session_of(project, address, secret, way) as session:
            for tool, arguments in LONG:
                await cancelled(session, tool, dict(arguments))
                async with asyncio.timeout(NOTICED_S):
                    while (tool, "cancelled") not in outcomes(project, name):
                        await asyncio.sleep(0.02)
            assert running(project) == 0
            result = await session.call_tool(QUICK[0], dict(QUICK[1]))
            assert result.structured_content == {"result": "aaa"}

    asyncio.run(run())


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
@pytest.mark.parametrize("command", ["serve", "runserver"])
def test_a_call_whose_client_has_gone_is_cancelled(
    project: ToolsProject,
    address: Address,
    secret: str,
    command: str,
    modern: bool,
    request: pytest.FixtureRequest,
) -> None:
    name = request.node.name[:80]
    with contextlib.ExitStack() as stack:
        asked = address if command == "serve" else stack.enter_context(project.served("runserver"))
        for tool, arguments in LONG:
            rows = "SELECT count(*) FROM toy.toy_item"
            before = project.rows(rows)
            opened = connected(asked, secret, request_of(tool, arguments, modern=modern), modern=modern)
            wait_until(lambda: running(project) or project.rows(rows) != before, "it runs", 10)  # noqa: B023
            opened.close()
            wait_until(lambda: (tool, "cancelled") in outcomes(project, name), "it is cancelled", NOTICED_S)  # noqa: B023
        assert running(project) == 0


def test_twenty_clients_that_have_gone_keep_nobody_waiting(
    project: ToolsProject, address: Address, secret: str, request: pytest.FixtureRequest
) -> None:
    message = request_of("toy_sleep_there", {"seconds": 100})
    opened = [connected(address, secret, message) for _ in range(20)]
    wait_until(lambda: running(project), "some of them run", 10)
    for each in opened:
        each.close()

    began = time.monotonic()
    quick = request_of(*QUICK)
    status, _, body = answer(address, "POST", json.dumps(quick).encode(), headers_of(secret, quick))
    took_s = time.monotonic() - began

    assert (status, b'"structuredContent":{"result":"aaa"}' in body) == (200, True)
    assert took_s < NOTICED_S
    wait_until(lambda: not running(project), "the statements have ended", NOTICED_S)
    kept = outcomes(project, request.node.name[:80])
    # A request whose client went before it was read may never have become a call.
    assert {outcome for tool, outcome in kept if tool == "toy_sleep_there"} == {"cancelled"}


def test_clients_that_do_not_read_keep_nobody_waiting(
    project: ToolsProject, address: Address, secret: str
) -> None:
    message = request_of("toy_repeat_text", {"text": "0123456789", "times": 26_000})
    opened = []
    for _ in range(2 * THREADS):  # of which a tool takes one
        each = socket.socket()
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        each.connect((address.host, address.port))
        body = json.dumps(message).encode()
        headers = headers_of(secret, message) | {"Host": address.host, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        each.sendall(f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode() + body)
        opened.append(each)
    with contextlib.ExitStack() as stack:
        for each in opened:
            stack.enter_context(contextlib.closing(each))
        quick = request_of(*QUICK)
        status, _, _ = answer(address, "POST", json.dumps(quick).encode(), headers_of(secret, quick))
        assert status == 200
        busy = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND usename LIKE '%toy%'"
        assert project.rows(busy) == [(0,)]


REFUSED: Final = {
    "no JSON": (b"{nope", {}, 400),
    "nothing": (b"", {}, 400),
    "deep": (b"[" * 100_000, {}, 400),
    "a large number": (b'{"jsonrpc":"2.0","method":"ping","id":' + b"9" * 6000 + b"}", {}, 400),
    "half a character": (b'{"jsonrpc":"2.0","method":"ping","id":"\\ud800"}', {}, 400),
    "not UTF-8": (b'{"jsonrpc":"2.0","method":"ping","id":"\xff"}', {}, 400),
    "a batch": (json.dumps([request_of(*QUICK)]).encode(), {}, 400),
    "a number": (b"5", {}, 400),
    "no message": (b'{"hello": 1}', {}, 400),
    "parameters that are a list": (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}', {}, 400),
    "text": (b"{}", {"Content-Type": "text/plain"}, 400),
    "accepts a page": (b"{}", {"Accept": "text/html"}, 406),
    "an unknown revision": (
        json.dumps(request_of(*QUICK)).encode(),
        {"MCP-Protocol-Version": "1999-01-01"},
        400,
    ),
    "a revision without its envelope": (
        json.dumps(request_of(*QUICK)).encode(),
        {"MCP-Protocol-Version": MODERN},
        400,
    ),
    "another origin": (json.dumps(request_of(*QUICK)).encode(), {"Origin": "https://elsewhere.example"}, 403),
    "a hidden origin": (json.dumps(request_of(*QUICK)).encode(), {"Origin": "null"}, 403),
    "another host": (json.dumps(request_of(*QUICK)).encode(), {"Host": "elsewhere.example"}, 400),
    # Announced alone: the answer comes at once, and the connection of who still sends may break before it is read.
    "too much": (b"", {"Content-Length": "2000000"}, 413),
    "no token": (json.dumps(request_of(*QUICK)).encode(), {"Authorization": ""}, 401),
    "another kind of token": (json.dumps(request_of(*QUICK)).encode(), {"Authorization": "Basic eDp5"}, 401),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused_with_what_the_protocol_says(
    address: Address, anybody: str, case: str
) -> None:
    body, headers, expected = REFUSED[case]
    status, _, told = answer(address, "POST", body, headers_of(anybody, None) | headers)
    assert status == expected, told
    assert b"Traceback" not in told


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "HEAD"])
def test_other_methods_are_refused(address: Address, anybody: str, method: str) -> None:
    status, headers, _ = answer(address, method, b"", headers_of(anybody, None))
    assert (status, headers.get("allow") or headers.get("Allow")) == (405, "POST")


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing/of_the_kind", {}, -32601),
        ("tools/call", {}, -32602),
        ("tools/call", {"name": "toy_repeat_text", "arguments": [1]}, -32602),
        ("tools/list", {"cursor": "nowhere"}, -32602),
        ("resources/list", {"cursor": "nowhere"}, -32602),
        ("prompts/list", {"cursor": "nowhere"}, -32602),
        ("resources/read", {"uri": "toy://nothing/x"}, -32602),
        ("resources/read", {"uri": "file:///etc/passwd"}, -32602),
        ("prompts/get", {"name": "toy_nothing"}, -32602),
        ("prompts/get", {"name": "toy_say_twice", "arguments": {"nothing": "x"}}, -32602),
    ],
)
@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
def test_what_cannot_be_answered_is_an_error_of_the_protocol(
    address: Address, anybody: str, method: str, params: dict[str, Any], code: int, modern: bool
) -> None:
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    headers = headers_of(anybody, None)
    if modern:
        message["params"] = {**params, "_meta": META}
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if name := params.get("name") or params.get("uri"):
            headers["Mcp-Name"] = name
    status, _, body = answer(address, "POST", json.dumps(message).encode(), headers)
    assert status < 500
    data = next((line for line in body.splitlines() if line.startswith(b"data: ")), b"data: " + body)
    told = json.loads(data.removeprefix(b"data: "))
    assert (told["id"], told["error"]["code"]) == (7, code), told
    assert told["error"]["message"]


def test_a_result_that_is_too_large_says_what_to_do(address: Address, anybody: str) -> None:
    message = request_of("toy_repeat_text", {"text": "0123456789", "times": 100_000})
    status, _, body = answer(address, "POST", json.dumps(message).encode(), headers_of(anybody, message))
    assert status == 200
    assert b"ask for less, or for a page" in body


def test_another_client_of_the_token_cancels_nothing(
    project: ToolsProject, address: Address, secret: str, request: pytest.FixtureRequest
) -> None:
    async def run() -> None:
        async with (
            over_http(address.url, secret) as first,
            over_http(address.url, secret) as second,
        ):
            numbers = [await _number_of_next_call(each) for each in (first, second)]
            assert numbers[0] == numbers[1]
            call = asyncio.create_task(first.call_tool("toy_sleep_there", {"seconds": 2}))
            while not running(project):
                await asyncio.sleep(0.02)
            other = asyncio.create_task(second.call_tool("toy_sleep_there", {"seconds": 100}))
            while running(project) < 2:
                await asyncio.sleep(0.02)
            other.cancel()
            assert (await call).structured_content == {"result": "slept"}

    asyncio.run(run())
    kept = outcomes(project, request.node.name[:80])
    assert sorted(outcome for tool, outcome in kept if tool == "toy_sleep_there") == [
        "cancelled",
        "succeeded",
    ]


async def _number_of_next_call(session: ClientSession) -> int:
    """Return how many requests a session has made; both clients here have made as many."""
    await session.list_tools()
    dispatcher: Any = session._dispatcher
    return int(dispatcher._next_id)


def test_a_server_that_is_told_to_end_cancels_what_runs_and_keeps_it(
    project: ToolsProject, request: pytest.FixtureRequest
) -> None:
    secret = project.token("ending")
    with project.served() as address:
        opened = [connected(address, secret, request_of(*each)) for each in LONG]
        wait_until(lambda: running(project), "they run", 10)
        began = time.monotonic()
        os.kill(address.process.pid, signal.SIGTERM)
        address.process.wait(15)
        took_s = time.monotonic() - began
        for each in opened:
            each.close()
    assert took_s < NOTICED_S
    assert sorted(outcomes(project, "ending")) == [(tool, "cancelled") for tool, _ in LONG]


@pytest.mark.parametrize("revision", ["legacy", "modern"])
def test_a_client_that_ends_its_server_ends_what_runs_there(
    project: ToolsProject, address: Address, secret: str, revision: str, request: pytest.FixtureRequest
) -> None:
    async def run() -> None:
        async with session_of(project, address, secret, f"stdio {revision}") as session:
            call = asyncio.create_task(session.call_tool(*LONG[1]))
            while not running(project):
                await asyncio.sleep(0.02)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    asyncio.run(run())
    name = request.node.name[:80]
    wait_until(lambda: outcomes(project, name) == [(LONG[1][0], "cancelled")], "it is kept", NOTICED_S)
    assert running(project) == 0


def revoke(project: ToolsProject, name: str) -> None:
    code, output = project.project.manage("tokens", "revoke", name, "--settings=settings.private")
    assert code == 0, output


def expire(project: ToolsProject, name: str) -> None:
    sql = "UPDATE platform.monolith_tools_token SET expires_at = now() WHERE name = %s RETURNING 1"
    assert project.rows(sql, [name]) == [(1,)]


@pytest.mark.parametrize("end", [revoke, expire])
@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_ends_is_nobody_in_an_open_session(
    project: ToolsProject,
    address: Address,
    secret: str,
    way: str,
    end: Callable[[ToolsProject, str], None],
    request: pytest.FixtureRequest,
) -> None:
    name = request.node.name[:80]

    async def run() -> None:
        async with session_of(project, address, secret, way) as session:
            assert (await session.call_tool(*QUICK)).structured_content == {"result": "aaa"}
            assert (await session.list_tools()).tools
            end(project, name)
            for ask in everything_asked(session):
                with pytest.raises(MCPError) as refused:
                    await ask()
                if way.startswith("stdio"):  # over HTTP the client does not tell what it was answered
                    assert "The token has expired, or was revoked." in str(refused.value)

    asyncio.run(run())
    assert outcomes(project, name) == [(QUICK[0], "succeeded")]
    body = json.dumps(request_of(*QUICK)).encode()
    assert answer(address, "POST", body, headers_of(secret, None))[0] == 401


def everything_asked(session: ClientSession) -> list[Callable[[], Awaitable[object]]]:
    """Return how to ask for each thing that a token lets one have."""
    return [
        partial(session.call_tool, *QUICK),
        session.list_tools,
        session.list_resources,
        session.list_resource_templates,
        session.list_prompts,
        partial(session.read_resource, "toy://items/x"),
        partial(session.read_resource, "monolith://modules"),
        partial(session.get_prompt, "toy_say_twice", {"text": "x"}),
    ]
