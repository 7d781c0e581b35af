"""What agents can do in channels: read, talk, ask, remind, and have words delivered.

What a token says is said by `token:<name>`: its trust, the gate's rights and its reminders are that token's, and a key
that makes a repeated call the same one counts within it. Channels are for all who may read chat, so a tenant's token
is refused.
"""

from contextlib import closing
from typing import Any, Final

from django.utils import timezone

from apps.chat import answering, deliveries, messages, queries, reminders, summaries, tasks, trust
from apps.chat import channels as rooms
from apps.chat.errors import (
    ChannelExistsError,
    ChannelNotFoundError,
    ChatError,
    DeliveryNotFoundError,
    ReminderNotFoundError,
)
from apps.chat.inputs import (
    MAX_AHEAD,
    Number,
    Purpose,
    QuestionText,
    Reason,
    ReminderText,
    Score,
    SenderName,
    Slug,
    Subject,
    Words,
)
from apps.chat.models import LOCKED_BELOW, DeliveryStatus, Kind, Message, Reminder, ReminderStatus
from apps.chat.permission import DECIDE, MANAGE, MODERATE, POST, require_permission
from apps.chat.requests import MessageSearch
from apps.chat.tool_schemas import (
    Answered,
    ChannelLine,
    ChannelPage,
    DeliveryPage,
    DeliveryShown,
    Key,
    MessagePage,
    MessageShown,
    PostedMessage,
    QueuedDelivery,
    ReminderPage,
    ReminderShown,
    SummaryPage,
    SummaryShown,
    Title,
    Trust,
)
from monolith.contracts import UtcDatetime, call_scope
from monolith.tools import Tag, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import After, Limit, filled, page_of, shown
from monolith.tools.progress import Progress
from monolith.tools.refusals import Advice, refusing

_ADVICE: Final[Advice] = {
    ChannelNotFoundError: "chat_list_channels lists those there are.",
    DeliveryNotFoundError: "chat_list_deliveries lists those there are.",
    ReminderNotFoundError: "chat_list_reminders lists this token's.",
}


@tool(tag=Tag.READ)
def list_channels(*, archived: bool | None = None, limit: Limit = 20, after: After = "") -> ChannelPage:
    """List channels by slug; in an archived one nothing can be said."""
    _require_no_tenant()
    return page_of(
        ChannelPage, queries.channels(archived=archived), order=("slug",), after=after, limit=limit
    )


@tool(tag=Tag.READ)
def list_messages(
    *,
    channel: Slug,
    kind: Kind | None = None,
    author: Subject | None = None,
    limit: Limit = 20,
    after: After = "",
) -> MessagePage:
    """List what was said in a channel, newest first; `author` is `user:7` or `token:name`."""
    _require_no_tenant()
    given: dict[str, Any] = {"kind": kind, "author": author}
    wanted = MessageSearch(**{name: value for name, value in given.items() if value is not None})
    with refusing(ChatError, advice=_ADVICE):
        found = queries.messages(rooms.get_channel(channel), wanted)
    newest = ("-created_at", "-id")
    return page_of(MessagePage, found, order=newest, after=after, limit=limit, item=_message)


@tool(tag=Tag.READ)
def get_message(*, channel: Slug, message: Number) -> MessageShown:
    """Return one message: look here for an answer that was still being written."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        return _message(messages.get_message(channel=channel, message=message))


@tool(tag=Tag.READ)
def list_summaries(*, channel: Slug, limit: Limit = 20, after: After = "") -> SummaryPage:
    """List what was said in a channel part by part, newest first, in sentences that were said there."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        found = queries.summaries(rooms.get_channel(channel))
    return page_of(SummaryPage, found, order=("-created_at", "-id"), after=after, limit=limit)


@tool(tag=Tag.EXECUTE)
def make_channel(*, slug: Slug, title: Title, purpose: Purpose = "") -> ChannelLine:
    """Make a channel whose answers are made of public notes, if compliance lets this token.

    The same channel again is the one that is there.
    """
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        require_permission(subject=_me(), action=MANAGE, resource=f"channel:{slug}")
        try:
            return shown(ChannelLine, rooms.make_channel(slug=slug, title=title, purpose=purpose))
        except ChannelExistsError:
            there = rooms.get_channel(slug)
            if (there.title, there.purpose) != (title, purpose):
                raise
            return shown(ChannelLine, there)


@tool(tag=Tag.EXECUTE)
def post_message(*, idempotency_key: Key, channel: Slug, text: Words) -> PostedMessage:
    """Say something in a channel, as this token. The same key and words again are the same message."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        posted = messages.post(
            channel=channel, subject=_me(), external_id=_key(idempotency_key), text=text, now=timezone.now()
        )
    return PostedMessage(message=_message(posted.message), is_new=posted.is_new)


@tool(tag=Tag.EXECUTE, cost=10, time_limit_s=150.0)
def ask_question(*, idempotency_key: Key, channel: Slug, text: QuestionText, progress: Progress) -> Answered:
    """Ask in a channel and return the answer, which is made of notes and cites them; it declines when they do not say.

    Question and answer are messages that all readers of the channel see. The same key and words again are the same
    question, with the answer that it got; while that is written by another, its state is `answering`.
    """
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        asked = answering.ask(
            channel=channel, subject=_me(), external_id=_key(idempotency_key), text=text, now=timezone.now()
        )
    return Answered(question=asked.question.pk, answer=_message(_answer(asked, progress)))


@tool(tag=Tag.EXECUTE)
def make_summary(*, channel: Slug) -> SummaryShown:
    """Summarise what was said in a channel since its last summary, however little."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        found = rooms.get_channel(channel)
        require_permission(subject=_me(), action=POST, resource=f"channel:{channel}")
        summary = summaries.summarise(found, now=timezone.now(), fewest=1)
    if summary is None:
        raise ToolRefused("Nothing was said since the last summary; chat_list_summaries has that.")
    return shown(SummaryShown, summary)


@tool(tag=Tag.READ)
def get_trust() -> Trust:
    """Return how far this token is trusted: what it says may cost trust, which grows again by the day."""
    _require_no_tenant()
    score = trust.trust_of(_me())
    return Trust(whose=_me(), score=score, locked=score < LOCKED_BELOW)


@tool(tag=Tag.RESTRICTED)
def set_trust(*, whose: Subject, score: Score, reason: Reason) -> Trust:
    """Set how far somebody is trusted (`user:7`, `token:name`), if compliance lets this token; it is kept why."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        require_permission(subject=_me(), action=MODERATE, resource=f"trust:{whose}")
        found = trust.set_trust(subject=whose, score=score, by=_me(), reason=reason, now=timezone.now())
    return Trust(whose=whose, score=found.score, locked=found.locked)


@tool(tag=Tag.READ)
def list_deliveries(
    *, status: DeliveryStatus | None = None, limit: Limit = 20, after: After = ""
) -> DeliveryPage:
    """List words on their way to channels and webhooks, newest first; uncertain ones wait for a person."""
    _require_no_tenant()
    found = queries.deliveries(status=status)
    return page_of(DeliveryPage, found, order=("-created_at", "-id"), after=after, limit=limit)


@tool(tag=Tag.READ)
def get_delivery(*, delivery: Number) -> DeliveryShown:
    """Return where a delivery stands."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        return shown(DeliveryShown, deliveries.get_delivery(delivery))


@tool(tag=Tag.EXECUTE, cost=5)
def request_delivery(
    *, idempotency_key: Key, sender: SenderName, target: Slug, text: Words
) -> QueuedDelivery:
    """Have words brought to a channel (`channel`, its slug) or to a webhook of the settings (`webhook`, its name).

    The same key, place and words again are the same delivery. One that may have arrived is not sent again by itself.
    """
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        queued = deliveries.request(
            subject=_me(),
            dedupe_key=_key(idempotency_key),
            sender=sender,
            target=target,
            text=text,
            now=timezone.now(),
        )
    return QueuedDelivery(delivery=shown(DeliveryShown, queued.delivery), is_new=queued.is_new)


@tool(tag=Tag.RESTRICTED)
def decide_delivery(*, delivery: Number, arrived: bool) -> DeliveryShown:
    """Say whether an uncertain delivery arrived; it is not sent again either way."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        require_permission(subject=_me(), action=DECIDE, resource=f"delivery:{delivery}")
        decided = deliveries.decide(delivery_id=delivery, arrived=arrived, by=_me(), now=timezone.now())
    return shown(DeliveryShown, decided)


@tool(tag=Tag.READ)
def list_reminders(
    *, status: ReminderStatus | None = None, limit: Limit = 20, after: After = ""
) -> ReminderPage:
    """List this token's reminders, the next one first."""
    _require_no_tenant()
    own = Reminder.objects.select_related("channel").filter(subject=_me())
    if status is not None:
        own = own.filter(status=status)
    return page_of(ReminderPage, own, order=("due_at", "id"), after=after, limit=limit, item=_reminder)


@tool(tag=Tag.EXECUTE)
def add_reminder(*, channel: Slug, text: ReminderText, due_at: UtcDatetime) -> ReminderShown:
    """Have words said in a channel at a time. The same reminder again, while it waits, is the same one."""
    _require_no_tenant()
    now = timezone.now()
    if not now < due_at <= now + MAX_AHEAD:
        raise ToolRefused(f"`due_at` is over, or more than {MAX_AHEAD.days} days ahead.")
    with refusing(ChatError, advice=_ADVICE):
        return _reminder(
            reminders.remind_me(channel=channel, subject=_me(), text=text, due_at=due_at, now=now)
        )


@tool(tag=Tag.EXECUTE)
def cancel_reminder(*, reminder: Number) -> ReminderShown:
    """Cancel one of this token's reminders that still waits."""
    _require_no_tenant()
    with refusing(ChatError, advice=_ADVICE):
        return _reminder(reminders.cancel(reminder_id=reminder, subject=_me()))


def _require_no_tenant() -> None:
    if call_scope().tenant:
        raise ToolRefused("Chat belongs to no tenant; use a token without one.")


def _answer(asked: answering.Asked, progress: Progress) -> Message:
    """Make an answer, telling how far it is; when nobody waits any more a job goes on with it."""
    ended, written = None, 0
    try:
        with closing(answering.make_answer(asked.answer.pk)) as pieces:
            for piece in pieces:
                match piece:
                    case answering.Found(passages):
                        progress.report(0, message=f"{len(passages)} passages found")
                    case answering.Text(text):
                        written += len(text)
                        progress.report(written, message="characters written")
                    case answering.Done(answer):
                        ended = answer
    finally:
        if ended is None:
            tasks.answer.enqueue(answer=asked.answer.pk)
    if ended is None:
        raise ToolRefused("The question is gone; ask again.")
    return ended


def _message(message: Message) -> MessageShown:
    names = [name for name in MessageShown.model_fields if name != "reply_to"]
    return filled(
        MessageShown, **{name: getattr(message, name) for name in names}, reply_to=message.reply_to_id
    )


def _reminder(reminder: Reminder) -> ReminderShown:
    fields: dict[str, Any] = {name: getattr(reminder, name) for name in ReminderShown.model_fields}
    return filled(ReminderShown, **fields | {"channel": reminder.channel.slug})


def _me() -> str:
    return call_scope().actor


def _key(key: str) -> str:
    return f"{_me()}:{key}"
