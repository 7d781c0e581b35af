"""`manage.py mcp`: the tools over standard input and output, for clients that start their servers themselves."""

import asyncio
import os
from contextvars import copy_context
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

VARIABLE = "MONOLITH_MCP_TOKEN"


class Command(BaseCommand):
    help = f"Serve the tools over standard input and output. {VARIABLE} holds the token that calls are made with."

    def handle(self, **_: Any) -> None:
        import anyio

        from monolith.tools.tokens import authenticate

        secret = os.environ.get(VARIABLE, "")
        if authenticate(secret) is None:
            raise CommandError(
                f"{VARIABLE} holds no token that is good; `manage.py tokens create` makes one", returncode=2
            )
        anyio.run(_serve, secret)


async def _serve(secret: str) -> None:
    import mcp_types as types
    from mcp.server.stdio import stdio_server
    from mcp.shared.exceptions import MCPError

    from monolith.tools.server import Context, Guest, ToolServer
    from monolith.tools.tokens import Identity, authenticate

    def look() -> Identity | None:
        try:
            return authenticate(secret)
        finally:
            connections.close_all()  # the thread is the loop's

    async def identify(_: Context) -> Guest:
        identity = await asyncio.to_thread(look)  # each time: a token that was revoked ends at once
        if identity is None:
            raise MCPError(types.INVALID_REQUEST, "The token has expired, or was revoked.")
        return Guest(identity, copy_context())

    server = ToolServer(identify)
    try:
        async with stdio_server() as (incoming, outgoing):
            options = server.protocol.create_initialization_options()
            await server.protocol.run(incoming, outgoing, options)
    finally:
        server.close()
