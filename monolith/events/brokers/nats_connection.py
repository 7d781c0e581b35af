"""A connection to NATS for code that is not asynchronous."""

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from itertools import count
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from monolith.events.broker import MAX_MESSAGE_BYTES
from monolith.events.brokers.credentials import Credentials
from monolith.events.brokers.nats_errors import ApiError, broker_error
from monolith.events.errors import BrokerError, BrokerRefused, BrokerUnavailable

OLDEST_SERVER: Final = (2, 14)  # the first that resets a consumer to a position
ANSWER_S: Final = (
    5.0  # for one answer; a server that syncs each write to a busy disk takes a good part of a second
)
_CONNECT_S: Final = 2
_PING_S: Final = 10  # two unanswered pings end a connection: what hangs is noticed within half a minute
_HEADER_BYTES: Final = 4 * 1024  # more than ours take; a server counts them with the message
_PAYLOAD_BYTES: Final = MAX_MESSAGE_BYTES + _HEADER_BYTES
_NO_RESPONDERS: Final = "503"
# A word of the server's own when it does not know who this is.
_UNAUTHORIZED: Final = ("authorization", "authentication", "credentials")


class NatsConnection:
    """One connection, driven by a thread of its own. Once lost it stays lost: whoever owns it makes another.

    nats-py could reconnect by itself, but then messages that were written before the loss are sent after it, when
    others have overtaken them.
    """

    def __init__(self, servers: Sequence[str], credentials: Credentials) -> None:
        """Connect. Raises BrokerUnavailable and BrokerRefused."""
        self._servers = list(servers)
        self._pid = os.getpid()
        self._gate = threading.Lock()
        self._closed = False
        self._lost = False
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._tokens = count(1)
        self.losses: set[Callable[[], None]] = set()  # called on the connection's thread when it is lost
        self._reason: Exception | None = None
        self._client = Client()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="monolith-nats", daemon=True)
        self._thread.start()
        try:
            self.run(self._connect(credentials), "let us in")
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return not self._lost and self._pid == os.getpid()

    def run[T](self, work: Coroutine[Any, Any, T], doing: str) -> T:
        """Have `work` done by this connection's thread, and return what it returns.

        Raises BrokerError; `doing` completes "the NATS server did not …".
        """
        try:
            return self._begun(work).result()
        except ApiError as error:
            raise broker_error(error, doing) from None
        except CancelledError:
            raise BrokerUnavailable("the connection to the NATS server was closed") from None
        except (NatsError, OSError) as error:
            raise _lost(error) from None

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have `work` begun by this connection's thread; what it raises is not told. Raises BrokerUnavailable."""
        self._begun(work)

    def _begun[T](self, work: Coroutine[Any, Any, T]) -> Future[T]:
        with self._gate:
            if self._closed or self._pid != os.getpid():
                work.close()
                raise BrokerUnavailable("the connection to the NATS server was closed")
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Close the connection and end its thread; what others are waiting for ends with BrokerUnavailable."""
        with self._gate:
            if self._closed or self._pid != os.getpid():
                return
            self._closed = True
            ending = asyncio.run_coroutine_threadsafe(self._disconnect(), self._loop)
        ending.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def abandon(self) -> None:
        """Let go of the socket in a child, where the parent's thread is not; the parent's connection stays."""
        self._lost = True
        transport = self._client._transport
        writer = getattr(transport, "_io_writer", None)
        raw = getattr(writer and writer.get_extra_info("socket"), "_sock", None)
        if raw is not None and raw.fileno() >= 0:
            os.close(raw.detach())

    # What follows runs on the connection's thread.

    async def request(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the answer, which is JSON. Raises ApiError for a refusal, and BrokerError when none came."""
        token = str(next(self._tokens))
        answer: asyncio.Future[Msg] = self._loop.create_future()
        self._waiting[token] = answer
        try:
            await self.publish(subject, payload, headers, reply=f"{self._inbox}.{token}")
            async with asyncio.timeout(ANSWER_S):
                message = await answer
        except TimeoutError:
            raise BrokerUnavailable(
                f"the NATS server did not answer {subject} within {ANSWER_S:g} s"
            ) from None
        finally:
            del self._waiting[token]
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            raise BrokerUnavailable(f"nobody answers {subject}: is JetStream on, and has it a leader?")
        return _checked(message.data)

    async def api(self, subject: str, question: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream's own interface. Raises ApiError and BrokerError."""
        return await self.request(f"$JS.API.{subject}", json.dumps(question or {}).encode())

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None, reply: str = ""
    ) -> None:
        """Write a message. Raises BrokerUnavailable; that it arrived is not known."""
        if self._lost:
            raise BrokerUnavailable("the connection to the NATS server was lost")
        try:
            await self._client.publish(subject, payload, reply, dict(headers) if headers else None)
        except MaxPayloadError:
            raise BrokerRefused(
                f"the NATS server takes messages of at most {self._client.max_payload:,} bytes, and this one has "
                f"{len(payload):,}; raise its max_payload to 1 MB"
            ) from None
        except (NatsError, OSError) as error:
            raise _lost(error) from None

    async def subscribe(self, take: Callable[[Msg], Awaitable[None]]) -> tuple[str, Subscription]:
        """Return a new inbox and its subscription; what is sent below the inbox goes to `take`."""
        inbox = self._client.new_inbox()
        return inbox, await self._client.subscribe(f"{inbox}.*", cb=take)

    async def _connect(self, credentials: Credentials) -> None:
        try:
            await self._client.connect(
                self._servers,
                name="fastmonolith",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_S,
                ping_interval=_PING_S,
                error_cb=self._note,
                closed_cb=self._end,
                **_options(credentials),
            )
        except (NatsError, OSError, TimeoutError, ImportError, ValueError) as error:
            raise self._not_connected(error) from None
        version = self._client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            raise BrokerRefused(
                f"the NATS server is version {version}, and a reader needs {'.'.join(map(str, OLDEST_SERVER))} or "
                "later; update the server"
            )
        if self._client.max_payload < _PAYLOAD_BYTES:
            # Else a module's messages would wait behind its first large one.
            raise BrokerRefused(
                f"the NATS server takes messages of at most {self._client.max_payload:,} bytes (its max_payload), and "
                f"ours have up to {_PAYLOAD_BYTES:,}; set max_payload to 1MB, as it is unless told otherwise"
            )
        self._inbox, _ = await self.subscribe(self._answered)

    def _not_connected(self, error: Exception) -> BrokerError:
        where = ", ".join(self._servers)
        if isinstance(error, ImportError):
            return BrokerRefused(
                "a NATS credentials file (.creds) is read with the package nkeys: install nats-py[nkeys]"
            )
        reasons = f"{error} {self._reason or ''}".lower()
        if any(word in reasons for word in _UNAUTHORIZED):
            return BrokerRefused(
                f"the NATS server at {where} does not let us in; name a file with the right user in "
                "MONOLITH_BROKER_CREDENTIALS"
            )
        return BrokerUnavailable(
            f"no NATS server was reached at {where} ({self._reason or type(error).__name__})"
        )

    async def _disconnect(self) -> None:
        with suppress(NatsError, OSError):
            await self._client.close()
        await self._end()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _answered(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rsplit(".", 1)[1])
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    async def _note(self, error: Exception) -> None:
        self._reason = error
        if "permissions violation" in str(error).lower():
            # It names the subject and no request, so that all that wait are told; those that may try again.
            self._fail(
                BrokerRefused(f"{error}; docs/adr/0008 names what the user of this process must be allowed")
            )

    async def _end(self) -> None:
        self._lost = True
        self._fail(BrokerUnavailable("the connection to the NATS server was lost"))
        for told in list(self.losses):
            told()

    def _fail(self, error: BrokerError) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)


def _lost(error: Exception) -> BrokerUnavailable:
    return BrokerUnavailable(f"the connection to the NATS server was lost ({type(error).__name__})")


def _options(credentials: Credentials) -> dict[str, Any]:
    if credentials.creds_file:
        return {"user_credentials": credentials.creds_file}
    if credentials.user:
        return {"user": credentials.user, "password": credentials.password}
    return {}


def _checked(data: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(data)
    except ValueError:
        raise BrokerUnavailable("the NATS server's answer is no JSON") from None
    if "error" in answer:
        raise ApiError(answer["error"])
    return answer
