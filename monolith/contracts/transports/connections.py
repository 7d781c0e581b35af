"""Connections whose every step ends with the call's deadline.

An HTTP client's timeouts are for one operation each: an owner that sends a byte now and then keeps a call for ever.
Here each read, write and connect is given what is left of the whole call.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpcore2

_SLICE: Final = (
    16 * 1024
)  # bytes that a socket takes at once, unless whoever reads at the other end has stopped
_until: ContextVar[float] = ContextVar("monolith_call_until")  # time.monotonic()


@contextmanager
def ending(until: float) -> Iterator[None]:
    """Make everything that this thread does on its connections end at `until`, of time.monotonic()."""
    token = _until.set(until)
    try:
        yield
    finally:
        _until.reset(token)


def _left(too_late: type[httpcore2.TimeoutException]) -> float:
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise too_late
    return left


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SLICE):
            self._inner.write(buffer[start : start + _SLICE], _left(httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Network(httpcore2.NetworkBackend):
    """Opens connections for the block of `ending`. Looking a name up takes as long as the system's resolver lets it."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        addresses = _addresses(host, port)
        for place, address in enumerate(addresses):
            # Each has its share of what is left: one that swallows packets leaves time for the next.
            share = _left(httpcore2.ConnectTimeout) / (len(addresses) - place)
            try:
                return _Stream(self._inner.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the second of a name that no resolver could have
        raise httpcore2.ConnectError(str(error)) from error
    return [str(address[0]) for *_, address in found]
