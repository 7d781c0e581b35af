"""Where outbound HTTP goes, and what one attempt takes and makes of its answer."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from apps.agent.execution.attempts import Limits, Outcome, attempt
from apps.agent.execution.configuration import Configuration
from apps.agent.execution.outbound import Guard, OutboundRefused
from contracts.agent import CallRequest, Method, Reason
from tests.apps.agent.echo_server import SECRET, EchoServer, serving

LIMITS = Limits(seconds=1.0, bytes=10_000, redirects=3)


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    with serving() as server:
        yield server


def make(
    server: EchoServer, path: str, *, limits: Limits = LIMITS, guard: Guard | None = None, **fields: Any
) -> Outcome:
    request = CallRequest(url=f"{server.origin}{path}", **fields)
    found = guard or Guard.read([server.origin], ["127.0.0.0/8"])
    return asyncio.run(attempt(request, guard=found, limits=limits))


@pytest.mark.parametrize(
    ("entry", "url", "listed"),
    [
        ("https://api.example", "https://api.example/x?y=1", True),
        ("https://api.example", "https://API.EXAMPLE/", True),
        ("https://api.example", "https://api.example./", True),
        ("https://api.example", "http://api.example/", False),
        ("https://api.example", "https://api.example:8443/", False),
        ("https://api.example", "https://evil.api.example/", False),
        ("https://api.example", "https://api.example.evil.example/", False),
        ("https://api.example", "https://api.example@evil.example/", False),
        ("https://api.example", "https://evil.example/?https://api.example", False),
        ("https://*.example", "https://a.b.example/", True),
        ("https://*.example", "https://example/", False),
        ("https://*.example", "https://notexample/", False),
        ("http://api.example:8080", "http://api.example:8080/", True),
        ("https://*", "https://anything.test/", True),
        ("https://*", "http://anything.test/", False),
    ],
)
def test_only_listed_origins_are_reached(entry: str, url: str, listed: bool) -> None:
    guard = Guard.read([entry])

    if listed:
        guard.require_listed(url)
    else:
        with pytest.raises(OutboundRefused):
            guard.require_listed(url)


def test_nothing_is_listed_unless_somebody_does() -> None:
    with pytest.raises(OutboundRefused, match="AGENT_OUTBOUND_ALLOW"):
        Configuration.read({}).guard.require_listed("https://api.example/")


@pytest.mark.parametrize(
    "entry", ["api.example", "https://", "ftp://a.example", "https://a.example/path", "https://a*.b"]
)
def test_what_is_no_origin_is_refused_at_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="AGENT_OUTBOUND_ALLOW"):
        Configuration.read({"AGENT_OUTBOUND_ALLOW": entry})


@pytest.mark.parametrize("value", ["many", "nan", "0", "1001"])
def test_a_bad_number_is_refused_with_what_was_given_and_what_may_be(value: str) -> None:
    with pytest.raises(
        ValueError, match=f"AGENT_EXECUTION_CONCURRENCY is '?{value}.* from 1 to 1000.*for 100"
    ):
        Configuration.read({"AGENT_EXECUTION_CONCURRENCY": value})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        "192.88.99.1",
        "::ffff:192.88.99.1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve() -> list[str]:
        loop = asyncio.get_running_loop()

        async def answer(*_: Any, **__: Any) -> list[Any]:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443))
                for each in ("93.184.215.14", address)
            ]

        monkeypatch.setattr(loop, "getaddrinfo", answer)
        return await Guard.read(["https://*"]).resolve("api.example", 443)

    with pytest.raises(OutboundRefused, match="public"):
        asyncio.run(resolve())


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example"])
def test_what_is_no_name_of_a_host_is_refused_and_nothing_was_sent(host: str) -> None:
    request = CallRequest(url=f"https://{host}/")

    outcome = asyncio.run(attempt(request, guard=Guard.read(["https://*"]), limits=LIMITS))

    assert (outcome.reason, outcome.may_have_happened) == (Reason.REFUSED, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
def test_loopback_is_refused_by_any_of_its_names(echo: EchoServer, host: str) -> None:
    guard = Guard.read([f"http://{host}:{echo.port}"])
    request = CallRequest(url=f"http://{host}:{echo.port}/echo")

    outcome = asyncio.run(attempt(request, guard=guard, limits=LIMITS))

    assert (outcome.reason, outcome.may_have_happened) == (Reason.REFUSED, False)
    assert (echo.connections, echo.asked) == (0, [])


def test_a_call_that_succeeds_is_one_request_with_what_was_asked(echo: EchoServer) -> None:
    outcome = make(echo, "/echo?a=1", method=Method.POST, headers={"X-Thing": "7"}, body="hej å")

    assert outcome.reason is None
    assert outcome.answer is not None
    assert outcome.answer.status == 200
    [asked] = echo.asked
    assert (asked.method, asked.target, asked.body.decode()) == ("POST", "/echo?a=1", "hej å")
    assert (asked.headers["x-thing"], asked.headers["accept-encoding"]) == ("7", "identity")


@pytest.mark.parametrize(
    ("path", "reason", "may_have_happened"),
    [
        ("/status?code=404", Reason.STATUS, False),
        ("/status?code=503", Reason.STATUS, False),
        ("/slow?s=5", Reason.TIMEOUT, True),
        ("/trickle", Reason.TIMEOUT, True),
        ("/hang-up", Reason.PROTOCOL, True),
        ("/huge?bytes=10001", Reason.TOO_LARGE, True),
        ("/loop", Reason.REDIRECTS, True),
        ("/redirect?to=http://169.254.169.254/latest", Reason.REDIRECTS, True),
        ("/redirect?to=http://localhost:9/", Reason.REDIRECTS, True),
        ("/redirect?to=file:///etc/passwd", Reason.REDIRECTS, True),
        ("/redirect?to=//evil.example/", Reason.REDIRECTS, True),
    ],
)
def test_a_call_that_fails_says_why(
    echo: EchoServer, path: str, reason: Reason, may_have_happened: bool
) -> None:
    outcome = make(echo, path, limits=Limits(seconds=0.5, bytes=10_000, redirects=3))

    assert (outcome.reason, outcome.may_have_happened) == (reason, may_have_happened), outcome
    assert outcome.detail


def test_a_port_where_nobody_listens_is_unreachable(echo: EchoServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
        guard = Guard.read([origin], ["127.0.0.0/8"])
        outcome = asyncio.run(attempt(CallRequest(url=f"{origin}/"), guard=guard, limits=LIMITS))

    assert (outcome.reason, outcome.may_have_happened) == (Reason.UNREACHABLE, False)


def test_an_answer_of_just_the_size_is_read_and_cut_for_keeping(echo: EchoServer) -> None:
    outcome = make(echo, "/huge?bytes=20000", limits=Limits(seconds=2, bytes=20_000, redirects=0))

    assert outcome.answer is not None
    assert (outcome.reason, len(outcome.answer.body), outcome.answer.is_cut) == (None, 16_384, True)


def test_redirects_are_followed_and_each_is_checked(echo: EchoServer) -> None:
    outcome = make(echo, "/redirect?to=/echo", method=Method.POST, body="x")

    assert [(asked.method, asked.target, asked.body) for asked in echo.asked] == [
        ("POST", "/redirect?to=/echo", b"x"),
        ("GET", "/echo", b""),
    ]
    assert outcome.answer is not None
    assert outcome.answer.url == f"{echo.origin}/echo"


def test_a_redirect_that_keeps_the_method_keeps_it(echo: EchoServer) -> None:
    make(echo, "/redirect?to=/echo&code=307", method=Method.POST, body="x")

    assert [(asked.method, asked.body) for asked in echo.asked] == [("POST", b"x"), ("POST", b"x")]


def test_no_secret_of_an_answer_is_kept(echo: EchoServer) -> None:
    outcome = make(echo, "/secret")

    assert outcome.answer is not None
    assert SECRET not in outcome.answer.model_dump_json()
    assert '"user": "ada"' in outcome.answer.body


def test_what_came_packed_is_not_unpacked(echo: EchoServer) -> None:
    outcome = make(echo, "/packed")

    assert outcome.answer is not None
    assert "no text" in outcome.answer.body


def test_proxies_of_the_environment_are_not_used(echo: EchoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert make(echo, "/echo").reason is None
