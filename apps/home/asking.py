"""Asking a service for its page, over the network; it touches no database, so any thread may do it."""

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from ssl import SSLContext, create_default_context
from time import monotonic, perf_counter
from typing import Final

import httpx2

from apps.home.models import Failure

USER_AGENT: Final = "fastmonolith-home/0.1"
MAX_BYTES: Final = 64 * 1024  # enough to see that an answer comes; the rest is not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked, and what is expected."""

    service: int
    url: str
    timeout_s: float
    expected_status: int = HTTPStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    failure: Failure
    status: int | None = None
    latency_ms: float | None = None

    @property
    def good(self) -> bool:
        return self.failure is Failure.NONE


def open_client() -> httpx2.Client:
    """Return a client that follows no redirect and takes no proxy from its environment. Threads may share it."""
    return httpx2.Client(
        follow_redirects=False, trust_env=False, verify=_tls(), headers={"User-Agent": USER_AGENT}
    )


@cache
def _tls() -> SSLContext:
    # Reading the authorities' certificates takes longer than a round of probes.
    return create_default_context()


def ask(client: httpx2.Client, target: Target) -> Answer:
    """Ask once, and read at most MAX_BYTES of the answer."""
    started, deadline = perf_counter(), monotonic() + target.timeout_s
    try:
        with client.stream("GET", target.url, timeout=target.timeout_s) as response:
            in_time = _read(response, deadline)
    except httpx2.TimeoutException:
        return Answer(failure=Failure.TIMEOUT)
    except httpx2.NetworkError:
        return Answer(failure=Failure.UNREACHABLE)
    except httpx2.HTTPError:
        return Answer(failure=Failure.PROTOCOL)
    if not in_time:
        return Answer(failure=Failure.TIMEOUT, status=response.status_code)
    return Answer(
        failure=Failure.NONE if response.status_code == target.expected_status else Failure.STATUS,
        status=response.status_code,
        latency_ms=(perf_counter() - started) * 1e3,
    )


def _read(response: httpx2.Response, deadline: float) -> bool:
    """Read an answer to its end or to MAX_BYTES; False when that takes too long, however steadily it trickles."""
    size = 0
    for chunk in response.iter_raw():  # as it comes: what is packed is not unpacked
        size += len(chunk)
        if size >= MAX_BYTES:
            break
        if monotonic() > deadline:
            return False
    return True
