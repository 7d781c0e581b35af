"""Questions and their answers. Runs as chat: enter the module first.

An answer is a message from the moment of the question: `answering`, and later answered, declined or failed, once. It
is made by whoever streams it, or by a job, one at a time: who writes it holds its fence until a time, and nobody else
writes or fails it meanwhile. The watchdog has a job go on for a writer who died, and ends what nobody ended.
"""

import logging
import uuid
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import Error
from django.db.models import Q, QuerySet
from django.utils import timezone
from psycopg.errors import QueryCanceled

from apps.chat import messages
from apps.chat.citations import citations, is_declined
from apps.chat.configuration import Configuration
from apps.chat.errors import ResponderError
from apps.chat.evidence import find_passages
from apps.chat.models import Kind, Message, State
from apps.chat.responders.port import Passage, Responder
from apps.chat.responders.responders import default_responder
from apps.chat.responders.running import pieces
from apps.chat.scoring import Scorer
from contracts.knowledge import Visible
from monolith import atomic
from monolith.contracts import CallError
from monolith.database_errors import causes
from monolith.http.connections import give_back_connections

logger = logging.getLogger(__name__)

AUTHOR: Final = "system:answers"
MARGIN: Final = timedelta(seconds=60)  # a job may wait for its worker, and be tried twice
LEASE_MARGIN: Final = timedelta(seconds=15)  # for the search before a responder's time and the end after it
MAX_RESUMED: Final = 100  # of one look
DECLINED: Final = "The notes do not say anything about that, as far as I can find. Nothing is made up here."
LOST: Final = "No answer: whoever was writing it stopped. Ask again."


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its answer to be, and whether they are new."""

    question: Message
    answer: Message
    is_new: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Passages that the answer is made of; none when it will be declined."""

    passages: list[Passage]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, as it comes. It counts when Done says that the answer is answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer as it is stored: still `answering` when somebody else writes it."""

    answer: Message


type Piece = Found | Text | Done


@dataclass(slots=True)
class _Draft:
    """An answer while it is made."""

    answer: Message
    asked: str
    asked_by: str
    fence: uuid.UUID
    responder: str = ""
    passages: list[Passage] = field(default_factory=list)
    text: str = ""


def ask(
    *,
    channel: str,
    subject: str,
    external_id: str,
    text: str,
    now: datetime,
    by_job: bool = False,
    scorer: Scorer | None = None,
) -> Asked:
    """Store a question and its answer to be, `by_job` with the job that makes it.

    The same external id again is the same question. Raises what `messages.post` raises.
    """
    from apps.chat import tasks  # tasks are made of what is here

    allowed = messages.allow(channel=channel, subject=subject, text=text, now=now, scorer=scorer)
    with atomic():
        posted = messages.store(
            allowed.channel,
            external_id=external_id,
            now=now,
            verdict=allowed.verdict,
            author=subject,
            kind=Kind.QUESTION,
            text=text,
        )
        question = posted.message
        limit = timedelta(seconds=Configuration.read().answer_timeout_s)
        answer, _ = Message.objects.get_or_create(
            reply_to=question,
            kind=Kind.ANSWER,
            defaults={
                "channel": allowed.channel,
                "external_id": f"answer:{question.pk}",
                "author": AUTHOR,
                "state": State.ANSWERING,
                "text": "",
                "answer_by": now + 2 * limit + MARGIN,
            },
        )
        if by_job and posted.is_new:
            tasks.answer.enqueue(answer=answer.pk)
    return Asked(question, answer, posted.is_new)


def make_answer(
    answer_id: int, *, responder: Responder | None = None, limit_s: float | None = None
) -> Generator[Piece, None, None]:
    """Make an answer that is not there yet, and yield what comes of it; Done is the last piece, also of a failure.

    When somebody else is at it, Done is the only piece. Close it to stop, so that another may go on.

    Raises the error of a statement that PostgreSQL was told to end: the answer has not failed and is still to be made.
    """
    answer = Message.objects.select_related("channel", "reply_to").filter(pk=answer_id).first()
    if answer is None:  # the question was pruned
        return
    if answer.state != State.ANSWERING or answer.reply_to is None:
        yield Done(answer)
        return
    configuration = Configuration.read()
    limit = configuration.answer_timeout_s if limit_s is None else limit_s
    fence = _claim(answer, limit)
    if fence is None:
        yield Done(_stored(answer))
        return
    draft = _Draft(answer, answer.reply_to.text, answer.reply_to.author, fence)
    try:
        yield from _write(draft, responder or default_responder(configuration), limit)
        yield Done(_finish(draft))
    except GeneratorExit:
        _leave(draft)
        raise
    except Exception as error:
        if any(isinstance(cause, QueryCanceled) for cause in causes(error)):
            _leave(draft)
            raise
        if not isinstance(error, ResponderError | CallError):
            logger.exception("answer %s failed", answer_id)
        yield Done(_fail(draft, error))


def fail_stale(*, now: datetime) -> int:
    """Fail answers whose time is over; returns how many."""
    stale = Message.objects.filter(state=State.ANSWERING, answer_by__lt=now)
    return stale.update(state=State.FAILED, failure="lost", text=LOST, ended_at=now, fence=None)


def left(*, now: datetime) -> list[int]:
    """Return answers that somebody began to write and nobody writes any more."""
    over = Message.objects.filter(state=State.ANSWERING, written_until__lte=now).order_by("answer_by")
    return list(over.values_list("pk", flat=True)[:MAX_RESUMED])


def _claim(answer: Message, limit_s: float) -> uuid.UUID | None:
    """Become who writes an answer, for as long as that may take; None when somebody else does."""
    now, fence = timezone.now(), uuid.uuid4()
    free = Message.objects.filter(Q(written_until=None) | Q(written_until__lte=now))
    until = now + timedelta(seconds=limit_s) + LEASE_MARGIN
    taken = free.filter(pk=answer.pk, state=State.ANSWERING).update(fence=fence, written_until=until)
    return fence if taken else None


def _leave(draft: _Draft) -> None:
    """Let another write; where the database does not take that now, its time will be over."""
    with suppress(Error):
        _held(draft).update(fence=None, written_until=timezone.now())


def _held(draft: _Draft) -> QuerySet[Message]:
    return Message.objects.filter(pk=draft.answer.pk, state=State.ANSWERING, fence=draft.fence)


def _stored(answer: Message) -> Message:
    return Message.objects.select_related("channel").get(pk=answer.pk)


def _write(draft: _Draft, responder: Responder, limit_s: float) -> Iterator[Piece]:
    visible = Visible(draft.answer.channel.answers_from)
    draft.passages = find_passages(draft.asked, visible=visible, asked_by=draft.asked_by)
    yield Found(draft.passages)
    if not draft.passages:
        return
    draft.responder = responder.name
    give_back_connections()  # it may take as long as it may: pools are smaller than the number of those who wait
    for piece in pieces(responder, draft.asked, draft.passages, limit_s=limit_s):
        draft.text += piece
        yield Text(piece)


def _finish(draft: _Draft) -> Message:
    if not draft.passages or is_declined(draft.text):
        return _end(draft, state=State.DECLINED, text=DECLINED)
    rests_on = citations(draft.asked, draft.text, draft.passages)
    return _end(draft, state=State.ANSWERED, text=draft.text.strip(), citations=rests_on)


def _fail(draft: _Draft, error: Exception) -> Message:
    """End an answer honestly; what an unforeseen error says may be internal, so its words are not repeated."""
    if isinstance(error, ResponderError):
        said, kind = str(error), error.kind
    elif isinstance(error, CallError):
        said, kind = "The notes could not be searched.", "search"
    else:
        said, kind = "Something broke while it was written.", "crashed"
    return _end(draft, state=State.FAILED, text=f"No answer: {said}", failure=kind)


def _end(draft: _Draft, **fields: Any) -> Message:
    """Write how an answer ended, unless it has already, or another writes it now."""
    fields |= {"responder": draft.responder, "ended_at": timezone.now(), "fence": None}
    if not _held(draft).update(**fields):
        logger.warning("answer %s had ended before, or is written by another", draft.answer.pk)
    return _stored(draft.answer)
