"""Seeing and steering messages: what waits where, what died, and what to do about it.

Who may: as for jobs (`monolith.jobs.steering`), which messages are in an inbox; and the same errors. What is about the
broker is for the host and for modules that declare `steers_jobs`.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from monolith.composition import composed
from monolith.context import current_module
from monolith.contracts.errors import MessageUnreadable
from monolith.errors import BoundaryViolation
from monolith.events import inbox, outbox
from monolith.events.brokers import broker
from monolith.events.envelope import Envelope, read_envelope
from monolith.events.errors import BrokerError
from monolith.events.outbox import statement
from monolith.events.registry import consumers, subscribers_of
from monolith.events.rows import (
    BacklogRow,
    DeadLetter,
    InboxRow,
    MessageDetails,
    OutboxRow,
    SubscriberRow,
)
from monolith.jobs import steering as jobs
from monolith.jobs.records import fetch
from monolith.jobs.rows import JobRow
from monolith.jobs.steering import MAX_LISTED, steering
from monolith.jobs.steering_errors import (
    ConsumerNotRemovable,
    JobNotFound,
    JobNotSteerable,
    SubscriberNotFound,
)
from monolith.models import Job, OutboxMessage
from monolith.module import PLATFORM

logger = logging.getLogger("monolith.events")

_INBOX_STATE: Final = statement("inbox_state")
_DEAD_LETTERS: Final = statement("dead_letters")
_FOLLOWERS: Final = statement("followers")


# Seeing.


def backlog(module: str, *, in_broker: Mapping[str, int] | None = None) -> BacklogRow:
    """Return what waits in a module; `in_broker` is what broker_backlog() returned."""
    with steering(module):
        out, state = outbox.backlog(), dict(fetch(_INBOX_STATE))
    return BacklogRow(
        module=module,
        unsent=out.unsent,
        oldest_s=round(out.oldest_s, 3),
        timers=out.timers,
        foreign=out.foreign,
        broker=(in_broker or {}).get(module),
        **state,
    )


def broker_backlog() -> dict[str, int]:
    """Return how many messages wait in the broker, by the module that they wait for. Raises BrokerError."""
    _require_overseer("the broker")
    found = broker()
    return {module: found.backlog(module) for module in consumers()}


def list_outbox(
    module: str, *, type_name: str = "", status: str = "", foreign: bool = False, limit: int = 50
) -> list[OutboxRow]:
    """Return what has not left a module, in the order of sending: this environment's, or that of all others."""
    here = composed().environment.environment
    with steering(module):
        rows = OutboxMessage.objects.order_by("status", "position")
        rows = rows.exclude(environment=here) if foreign else rows.filter(environment=here)
        given = {"type": type_name, "status": status}
        rows = rows.filter(**{name: value for name, value in given.items() if value})
        return [_outgoing(module, row) for row in rows[: min(limit, MAX_LISTED)]]


def dead_letters(
    module: str, *, subscriber: str = "", type_name: str = "", before: int | None = None, limit: int = 50
) -> list[DeadLetter]:
    """Return a module's dead letters that carry messages, the newest first; `before` is the id of the last one seen."""
    found: list[DeadLetter] = []
    with steering(module):
        while len(found) < limit:
            at_once = min(limit, MAX_LISTED)
            letters = [
                _letter(module, *row)
                for row in fetch(_DEAD_LETTERS, subscriber=subscriber, before=before, limit=at_once)
            ]
            found += [each for each in letters if type_name in ("", each.type)]
            if len(letters) < at_once:
                break
            before = letters[-1].id
    return found[:limit]


def list_inbox(module: str, *, status: str = "", limit: int = 50) -> list[InboxRow]:
    """Return the newest messages that a module keeps for its subscribers, handled ones until they are forgotten."""
    with steering(module):
        jobs_with_messages = Job.objects.filter(message_id__isnull=False)
        if status:
            jobs_with_messages = jobs_with_messages.filter(status=status)
        return [_kept(module, job) for job in jobs_with_messages.order_by("-pk")[: min(limit, MAX_LISTED)]]


def show(module: str, job_id: int) -> MessageDetails:
    """Return one message of a module's inbox. Raises JobNotFound, JobNotSteerable for a job that carries none."""
    job = jobs.show_job(module, job_id)
    with steering(module):
        row = Job.objects.filter(pk=job_id).values_list("message_id", "ordered").first()
        followers = fetch(_FOLLOWERS, id=job_id)[0][0] if job.status == "dead" else 0
    if row is None:
        raise JobNotFound(module, job_id)
    if row[0] is None:
        raise JobNotSteerable(f"{module}/{job_id} carries no message; `manage.py jobs show` shows it.")
    body = job.arguments["args"][0]
    envelope = readable(body)
    return MessageDetails(
        job=job,
        message=str(row[0]),
        type=envelope.type if envelope else "",
        key=envelope.partition_key if envelope else "",
        parks=bool(row[1]) and job.status == "dead",
        followers=followers,
        envelope=_plain(body),
    )


def list_subscribers(module: str) -> list[SubscriberRow]:
    """Return a module's subscribers by name."""
    off = set(jobs.switched_off(module))
    return [
        SubscriberRow(
            module=module,
            name=name,
            type=each.message.message_type.name,
            versions=each.message.message_type.readable_versions,
            parks=each.parks,
            is_on=name not in off,
        )
        for name, each in sorted(subscribers_of(module).items())
    ]


# Steering.


def replay(module: str, job_id: int) -> JobRow:
    """Let a dead letter or a discarded message be handled; one that nobody was given goes to who subscribes now.

    A job that carries no message runs again as `monolith.jobs.steering.replay` lets it. Raises JobNotFound,
    JobNotSteerable, also for a message that was handled.
    """
    job = jobs.show_job(module, job_id)
    if job.task != inbox.NOBODY:
        return jobs.replay(module, job_id)
    if job.status != "dead":
        raise JobNotSteerable(
            f"{job.reference} is {job.status}; only a dead one is given to subscribers again."
        )
    try:
        with steering(module):
            count = inbox.redeliver(module, job_id)
    except MessageUnreadable as error:
        raise JobNotSteerable(f"{job.reference} cannot be given to anybody: {error}") from error
    logger.info("%s of %s was given to %d subscribers by hand", job_id, module, count)
    return jobs.show_job(module, job_id)


def discard(module: str, job_id: int) -> JobRow:
    """Give a message up that nobody handles now; what waits behind it goes on. Raises JobNotFound, JobNotSteerable."""
    return jobs.discard(module, job_id)


def discard_foreign(module: str, *, only: str = "") -> dict[str, int]:
    """Delete what other environments wrote into a module's outbox, or `only` one of them; returns how many of each."""
    with steering(module):
        gone = outbox.discard_foreign(only)
    for environment, count in gone.items():
        logger.warning(
            "%d messages of %s in the outbox of %s were discarded by hand", count, environment, module
        )
    return gone


def switch(name: str, *, on: bool) -> SubscriberRow:
    """Switch a subscriber off, or on again, wherever it runs: off, its messages are kept. Raises SubscriberNotFound."""
    owners = {path: module for module in jobs.modules_here() for path in subscribers_of(module)}
    if name not in owners:
        raise SubscriberNotFound(name, known=owners)
    jobs.switch(name, on=on)
    return next(row for row in list_subscribers(owners[name]) if row.name == name)


def converge(*, narrow: bool = False) -> dict[str, list[str]]:
    """Make the broker's log and consumers as the modules of this process declare them; returns those.

    With `narrow` types are taken from consumers that no longer want them, all from modules that subscribe to nothing
    any more; without, only added. Raises BrokerError.
    """
    _require_overseer("the broker")
    wanted = consumers()
    silent: dict[str, list[str]] = {module: [] for module in composed().modules} if narrow else {}
    broker().converge(silent | wanted, narrow=narrow)
    return wanted


def undeclared_backlog() -> dict[str, int]:
    """Return the broker's consumers that no module declares, with how much each holds. Raises BrokerError.

    Nobody reads as one, so that what it wants fills the log. Modules of other processes are not among them.
    """
    _require_overseer("the broker")
    found = broker()
    return {name: found.backlog(name) for name in found.consumers() if name not in _declared()}


def remove_consumer(name: str) -> None:
    """Remove a consumer that no module declares, with what it holds. Raises ConsumerNotRemovable, BrokerError."""
    _require_overseer("the broker")
    if name in _declared():
        raise ConsumerNotRemovable(
            f"'{name}' is declared: remove its subscribers, or the module, and deploy that first."
        )
    found = broker()
    if name not in (known := found.consumers()):
        raise ConsumerNotRemovable(
            f"The broker has no consumer {name!r}. It has: {', '.join(known) or 'none'}."
        )
    held = found.backlog(name)
    found.converge({name: []}, narrow=True)
    logger.warning("the consumer %s was removed by hand, with %d messages that waited for it", name, held)


def _declared() -> set[str]:
    """Return the names of consumers that somebody may read as, in this process or another."""
    elsewhere = set(composed().declared) - set(composed().modules)
    outside = {each.name for module in composed().declared.values() for each in module.consumers}
    return set(consumers()) | elsewhere | outside


def try_broker_backlog() -> tuple[dict[str, int], str]:
    """Return what broker_backlog() does and nothing, or nothing and why the broker cannot be asked."""
    try:
        return broker_backlog(), ""
    except BrokerError as error:
        return {}, str(error)


def _require_overseer(what: str) -> None:
    current = current_module()
    overseer = composed().declared.get(current)
    if current != PLATFORM and not (overseer and overseer.steers_jobs):
        raise BoundaryViolation(current=current, target=PLATFORM, what=what)


def _outgoing(module: str, row: OutboxMessage) -> OutboxRow:
    return OutboxRow(
        module=module,
        id=str(row.id),
        type=row.type,
        key=row.partition_key,
        status=row.status,
        due_at=row.due_at,
        environment=row.environment,
        envelope=json.loads(row.envelope),
    )


def _kept(module: str, job: Job) -> InboxRow:
    envelope = readable(job.arguments["args"][0])
    return InboxRow(
        module=module,
        id=job.pk,
        subscriber="" if job.task == inbox.NOBODY else job.task,
        type=envelope.type if envelope else "",
        key=envelope.partition_key if envelope else "",
        status=str(job.status),
        attempts=len(job.workers),
        enqueued_at=job.enqueued_at,
        finished_at=job.finished_at,
    )


def _letter(module: str, *row: Any) -> DeadLetter:
    job_id, task, message, body, ordered, attempts, error, died_at, followers = row
    envelope = readable(body)
    return DeadLetter(
        module=module,
        id=job_id,
        subscriber="" if task == inbox.NOBODY else task,
        type=envelope.type if envelope else "",
        message=str(message),
        key=envelope.partition_key if envelope else "",
        parks=ordered,
        followers=followers,
        attempts=attempts,
        error=(json.loads(error) if isinstance(error, str) else error or {}).get("type", ""),
        died_at=died_at,
    )


def readable(body: Any) -> Envelope | None:
    """Return the envelope that a body is; None when it is none."""
    try:
        return read_envelope(body)
    except MessageUnreadable:
        return None


def _plain(body: Any) -> Mapping[str, Any] | str:
    """Return an envelope as JSON: of a dead letter that nobody was given it is a text, which may be none."""
    if not isinstance(body, str):
        return dict(body)
    try:
        found = json.loads(body)
    except ValueError:
        return body
    return found if isinstance(found, dict) else body
