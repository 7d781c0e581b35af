"""Where outbound HTTP goes: to listed origins, at public addresses. Everything else is refused, by default all of it.

The name is resolved, checked and connected to in one step, so a name server cannot answer one address to the check and
another to the connection.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpcore2

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

_ENTRY: Final = re.compile(r"(https?)://(\*|(?:\*\.)?[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_PORTS: Final = {"http": 80, "https": 443}
# IPv6 addresses that stand for IPv4 ones which somebody on the way chooses: 6to4, Teredo, NAT64, compatible and
# translated ones. And, which Python takes for public, relays of 6to4 and the site-local addresses of old.
_IN_DISGUISE: Final = tuple(
    map(
        ip_network,
        (
            "2002::/16",
            "2001::/32",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "::/96",
            "::ffff:0:0:0/96",
            "192.88.99.0/24",
            "fec0::/10",
        ),
    )
)


class OutboundRefused(Exception):
    """Outbound HTTP does not go there; says what would have to be listed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """An entry of the list: `https://api.example.com`, `https://*.example.com`, `http://host:8080`, `https://*`."""

    scheme: str
    host: str
    port: int

    @classmethod
    def read(cls, entry: str) -> Self:
        """Return what an entry says. Raises ValueError."""
        found = _ENTRY.fullmatch(entry.lower().rstrip("/"))
        if found is None:
            raise ValueError(
                f"{entry!r} is no origin; write https://host, https://*.domain or http://host:port"
            )
        scheme, host, port = found.groups()
        return cls(scheme, host.strip("[]"), int(port or _PORTS[scheme]))

    def covers(self, scheme: str, host: str, port: int) -> bool:
        """Say whether requests to there are meant. A star stands for names below, not for the domain itself."""
        if (scheme, port) != (self.scheme, self.port):
            return False
        return self.host in ("*", host) or (self.host.startswith("*.") and host.endswith(self.host[1:]))


@dataclass(frozen=True, slots=True)
class Guard:
    """What outbound HTTP may reach."""

    origins: tuple[Origin, ...] = ()
    networks: tuple[Network, ...] = ()  # that are reached although they are not public; for tests

    @classmethod
    def read(cls, origins: Iterable[str], networks: Iterable[str] = ()) -> Self:
        """Return the guard of a list of origins and one of networks. Raises ValueError naming a bad entry."""
        return cls(tuple(map(Origin.read, origins)), tuple(map(ip_network, networks)))

    def require_listed(self, url: str) -> None:
        """Raise OutboundRefused for an address whose origin is not listed."""
        try:
            parts = urlsplit(url)
            scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
            port = parts.port or _PORTS.get(scheme, 0)
        except ValueError:
            raise OutboundRefused("this is no address of an outside service") from None
        if "@" in parts.netloc or not any(origin.covers(scheme, host, port) for origin in self.origins):
            raise OutboundRefused(
                f"{scheme}://{host}:{port} is not among the origins that AGENT_OUTBOUND_ALLOW lists"
            )

    def require_public(self, address: Address) -> None:
        """Raise OutboundRefused for loopback, private, link-local, multicast and reserved addresses."""
        if any(address in network for network in self.networks):
            return
        plain = getattr(address, "ipv4_mapped", None) or address
        hidden = any(plain in network for network in _IN_DISGUISE if network.version == plain.version)
        if hidden or plain.is_multicast or not plain.is_global:
            raise OutboundRefused(f"{address} is not a public address")

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of them checked. Raises OutboundRefused, and OSError."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:  # of the codec for names, before anybody was asked
            raise OutboundRefused(f"{host[:100]} is no name of a host") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        for address in addresses:
            self.require_public(ip_address(address.partition("%")[0]))
        return addresses


class GuardedNetwork(httpcore2.AnyIOBackend):
    """Connects to addresses that the guard has seen, and to no name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.resolve(host, port)
        except OSError as error:  # TimeoutError is one
            raise httpcore2.ConnectError(f"{host} was not found") from error
        # Only one: the next is another service's business once something was said to the first.
        return await super().connect_tcp(addresses[0], port, timeout, *args, **options)

    async def connect_unix_socket(self, *args: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        raise OutboundRefused("a socket of this host is no outside service")
