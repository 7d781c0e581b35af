"""Requests of the protocol as they are posted, for what the official client does not send."""

import contextlib
import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, Final

from tests.system.tools_project import Address

MODERN: Final = "2026-07-28"
META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def request_of(
    tool: str, arguments: Mapping[str, Any], *, number: int = 1, modern: bool = False
) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments, **({"_meta": META} if modern else {})}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def headers_of(secret: str, message: object, *, modern: bool = False) -> dict[str, str]:
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    if modern and isinstance(message, dict):
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"]}
        headers |= {"Mcp-Name": message["params"]["name"]} if "name" in message["params"] else {}
    return headers


def connected(
    address: Address, secret: str, message: dict[str, Any], *, modern: bool = False
) -> socket.socket:
    """Send a request and return its connection, of which nothing is read."""
    body = json.dumps(message).encode()
    headers = headers_of(secret, message, modern=modern) | {
        "Host": f"{address.host}:{address.port}",
        "Content-Length": str(len(body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    opened = socket.create_connection((address.host, address.port))
    opened.sendall(f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode() + body)
    return opened


def answer(
    address: Address, method: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, "/mcp", body, dict(headers))
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
