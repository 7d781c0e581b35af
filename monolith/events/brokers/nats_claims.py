"""Claims as keys of a bucket: the first to write a key has it."""

import base64
import math
from datetime import timedelta
from urllib.parse import quote

from monolith.events.broker import CLAIM_ATTEMPTS, contended
from monolith.events.brokers.nats_connection import NatsConnection
from monolith.events.brokers.nats_errors import MESSAGE_NOT_FOUND, WRONG_LAST_SEQUENCE, ApiError
from monolith.events.brokers.nats_streams import Names


class NatsClaims:
    """The claims of one environment."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def claim(self, connection: NatsConnection, name: str, holder: str, ttl: timedelta | None) -> str:
        """Take a name if it is free or ours, and return whose it is. Raises ApiError and BrokerError."""
        held: tuple[int, str] | None = None
        for _ in range(CLAIM_ATTEMPTS):
            if held is not None and held[1] != holder:
                return held[1]
            try:
                await self._write(connection, name, holder, ttl, held[0] if held else 0)
            except ApiError as error:
                if error.code != WRONG_LAST_SEQUENCE:
                    raise
                held = await self._held(connection, name)
            else:
                return holder
        raise contended(name)

    async def release(self, connection: NatsConnection, name: str, holder: str) -> None:
        """Let go of a name if it is ours. Raises ApiError and BrokerError."""
        held = await self._held(connection, name)
        if held is None or held[1] != holder:
            return
        try:
            # By its sequence: what another wrote meanwhile has a later one.
            await connection.api(f"STREAM.MSG.DELETE.{self._names.claims}", {"seq": held[0]})
        except ApiError as error:
            if error.description != "no message found":
                raise

    async def _write(
        self, connection: NatsConnection, name: str, holder: str, ttl: timedelta | None, after: int
    ) -> None:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(after)}
        if ttl is not None:
            headers["Nats-TTL"] = f"{max(1, math.ceil(ttl.total_seconds()))}s"  # a second is the least
        await connection.request(self._names.claim(_key(name)), holder.encode(), headers)

    async def _held(self, connection: NatsConnection, name: str) -> tuple[int, str] | None:
        question = {"last_by_subj": self._names.claim(_key(name))}
        try:
            answer = await connection.api(f"STREAM.MSG.GET.{self._names.claims}", question)
        except ApiError as error:
            if error.code == MESSAGE_NOT_FOUND:
                return None
            raise
        message = answer["message"]
        return message["seq"], base64.b64decode(message.get("data", "")).decode()


def _key(name: str) -> str:
    # A key has letters, digits and -_=/ only, and a dot divides it.
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E").replace("%", "=")
