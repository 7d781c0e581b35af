"""The execution worker: it reads orders, makes each call once, and says how it went.

What makes "once" of a log that is read at least once: before anything is sent, the worker claims the call by a name
that nobody else can have. Whoever finds it claimed knows that an attempt was begun, and not how it ended, and says so.
"""

import asyncio
import logging
import os
import secrets
import socket
from datetime import UTC, datetime, timedelta
from typing import Final

from apps.agent.execution.attempts import Outcome, attempt
from apps.agent.execution.configuration import Configuration
from apps.agent.execution.lead import Lead
from apps.agent.execution.link import Link
from apps.agent.execution.messages import say
from apps.agent.execution.positions import Positions
from apps.agent.execution.publisher import Publisher
from contracts.agent import ExecutionFailed, ExecutionStarted, ExecutionSucceeded, Reason, StartExecution
from monolith.contracts.errors import MessageUnreadable
from monolith.events.broker import Broker, Delivery, Reader
from monolith.events.envelope import Envelope, read_envelope
from monolith.events.errors import BrokerError, OutOfStep

logger = logging.getLogger("agent.execution")

CLAIM_KEPT: Final = timedelta(hours=1)  # much longer than an order is good for (orchestration.START_WITHIN)
WAIT_S: Final = 0.25  # for orders; also how late what ended is acknowledged
PAUSE_S: Final = 0.5  # when the broker is away, or another leads
MARGIN_S: Final = 1.0  # for an outcome to be published
GRACE_S: Final = 30.0  # for attempts to end when the worker stops


class Worker:
    """One worker. Several may run; one reads at a time, and another takes over when it dies."""

    def __init__(self, broker: Broker, *, environment: str, configuration: Configuration) -> None:
        self.run_id = f"{socket.gethostname()[:60]}/{os.getpid()}/{secrets.token_hex(6)}"
        self._environment = environment
        self._configuration = configuration
        self._link = Link(broker)
        self._publisher = Publisher(self._link.publish)
        self._lead = Lead(self._link, self.run_id)
        self._positions = Positions()
        self._stream = ""
        self._attempts: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then let attempts end within GRACE_S.

        Raises what publishing, leading or reading fails with: whoever started the worker starts another.
        """
        publishing = asyncio.create_task(self._publisher.run())
        leading = asyncio.create_task(self._lead.keep())
        reading = asyncio.create_task(self._read(stopping))
        try:
            ended, _ = await asyncio.wait((reading, leading, publishing), return_when=asyncio.FIRST_COMPLETED)
            await _end(reading, leading)
            if not publishing.done():  # without it nobody is told how an attempt ended
                await self._finish()
        finally:
            await _end(reading, leading, publishing, *self._attempts)
            self._link.shut()
        for task in ended:
            await task

    async def _read(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self._read_while_leading(stopping)

    async def _finish(self) -> None:
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=GRACE_S)
        for task in list(self._attempts):
            task.cancel()

    async def _read_while_leading(self, stopping: asyncio.Event) -> None:
        if not self._lead.is_held:
            await _pause(stopping, WAIT_S)
            return
        try:
            await self._link.converge()
            reader = await self._open()
        except (BrokerError, OutOfStep) as error:
            logger.warning("orders wait: %s", error)
            await _pause(stopping, PAUSE_S)
            return
        try:
            while self._lead.is_held and not stopping.is_set():
                await self._take_some(reader)
            if stopping.is_set():
                await self._finish()
            await self._link.close(reader, settled=self._positions.settled)
        except (BrokerError, OutOfStep) as error:
            logger.info("reading begins again: %s", error)

    async def _open(self) -> Reader:
        reader = await self._link.open(self._positions.settled)
        if reader.stream != self._stream:  # positions of another log mean nothing in this one
            if self._stream:
                self._positions = Positions()
                reader = await self._link.open(0)
            self._stream = reader.stream
        return reader

    async def _take_some(self, reader: Reader) -> None:
        free = self._configuration.concurrency - len(self._attempts)
        if not free:
            await asyncio.wait(self._attempts, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        found = await self._link.fetch(reader, settled=self._positions.settled, limit=free, wait_s=WAIT_S)
        for delivery in found:
            if self._positions.begin(delivery.position):
                task = asyncio.create_task(self._deal_with(delivery, self._positions))
                self._attempts.add(task)
                task.add_done_callback(self._attempts.discard)

    async def _deal_with(self, delivery: Delivery, positions: Positions) -> None:
        try:
            envelope = read_envelope(delivery.body)
            order = StartExecution.message_type.read(dict(envelope.payload), envelope.version)
        except MessageUnreadable as error:
            logger.error("position %s is no order: %s", delivery.position, error)  # noqa: TRY400 - it says all
        else:
            if isinstance(order, StartExecution) and envelope.environment == self._environment:
                await self._obey(order, envelope, f"{self.run_id}/{delivery.position}")
            else:
                logger.error(
                    "position %s is a %s of %s", delivery.position, envelope.type, envelope.environment
                )
        positions.end(delivery.position)

    async def _obey(self, order: StartExecution, envelope: Envelope, holder: str) -> None:
        try:
            outcome = await self._outcome(order, envelope, holder)
            said = _ended(order, outcome)
        except Exception:
            # Whatever it is: a position that never ends would hold up all that come after it.
            logger.exception("the attempt of call %s ended in a way of its own", order.call_id)
            said = _ended(order, _UNKNOWN)
        await self._publisher.say(say(said, envelope))

    async def _outcome(self, order: StartExecution, envelope: Envelope, holder: str) -> Outcome:
        configuration = self._configuration
        # Before all else: an order that comes too late now may be one that somebody began in time.
        if await self._is_claimed(order, envelope, holder):
            # A worker that lost the lead and lives still says how it went, and what is said first counts.
            await asyncio.sleep(configuration.limits.seconds + MARGIN_S)
            return _UNKNOWN
        if _is_late(order, by=CLAIM_KEPT / 2):
            return _UNKNOWN  # a claim made in time might not be kept any more
        if _is_late(order):
            return _LATE
        started = ExecutionStarted(call_id=order.call_id, run=self.run_id)
        await self._publisher.say(say(started, envelope))
        if _is_late(order):  # saying so took its time
            return _LATE
        return await attempt(order.request, guard=configuration.guard, limits=configuration.limits)

    async def _is_claimed(self, order: StartExecution, envelope: Envelope, holder: str) -> bool:
        """Say whether an attempt was begun already, by whomever; otherwise it is now ours to make."""
        name = f"execution:{envelope.tenant}:{order.call_id}"
        while True:
            try:
                return await self._link.claim(name, holder, CLAIM_KEPT) != holder
            except BrokerError as error:
                logger.warning("cannot claim call %s: %s", order.call_id, error)
                await asyncio.sleep(PAUSE_S)


def _ended(order: StartExecution, outcome: Outcome) -> ExecutionSucceeded | ExecutionFailed:
    if outcome.reason is None and outcome.answer is not None:
        return ExecutionSucceeded(call_id=order.call_id, answer=outcome.answer)
    return ExecutionFailed(
        call_id=order.call_id,
        reason=outcome.reason or Reason.OUTCOME_UNKNOWN,
        may_have_happened=outcome.may_have_happened,
        detail=outcome.detail,
        answer=outcome.answer,
    )


_LATE: Final = Outcome(reason=Reason.EXPIRED, detail="The order came too late to begin.")
_UNKNOWN: Final = Outcome(
    reason=Reason.OUTCOME_UNKNOWN,
    may_have_happened=True,
    detail="Whoever made the attempt did not say how it ended.",
)


def _is_late(order: StartExecution, *, by: timedelta = timedelta()) -> bool:
    return datetime.now(UTC) >= order.start_before + by


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
