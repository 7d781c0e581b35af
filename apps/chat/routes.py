"""The HTTP face of chat, for staff: channels, what is said in them, and questions."""

from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.chat import answering, channels, messages, queries, streaming, summaries
from apps.chat.answers import (
    AskedOut,
    ChannelOut,
    ChannelPage,
    MessageOut,
    MessagePage,
    SummaryOut,
    SummaryPage,
)
from apps.chat.delivery_routes import deliveries
from apps.chat.edge import key_of, problems, subject_of
from apps.chat.inputs import Number, Slug
from apps.chat.moderation_routes import moderation
from apps.chat.permission import MANAGE, POST, require_permission
from apps.chat.reminder_routes import reminders
from apps.chat.requests import (
    ChannelEdit,
    ChannelSearch,
    MessageSearch,
    NewChannel,
    NewMessage,
    NewQuestion,
    Paging,
)
from monolith.http.problems import Problem, ProblemSchema

private = Router()
private.add_router("/deliveries", deliveries)
private.add_router("/reminders", reminders)
private.add_router("", moderation)

_STREAM: Final = {
    "responses": {
        200: {
            "description": "Events: `asked`, `found`, `text` any number of times, `done`.",
            "content": {streaming.CONTENT_TYPE: {"schema": {"type": "string"}}},
        }
    }
}


@private.get("/channels", response={200: ChannelPage}, summary="Channels")
def list_channels(request: HttpRequest, wanted: Query[ChannelSearch]) -> Any:
    """Channels by slug."""
    return queries.page(queries.channels(archived=wanted.archived), limit=wanted.limit, offset=wanted.offset)


@private.post(
    "/channels",
    response={201: ChannelOut, 403: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema},
    summary="Make a channel",
)
def make_channel(request: HttpRequest, new: NewChannel) -> Any:
    """Make a channel, if compliance lets you."""
    with problems():
        require_permission(subject=subject_of(request), action=MANAGE, resource=f"channel:{new.slug}")
        return Status(201, channels.make_channel(**new.model_dump()))


@private.patch(
    "/channels/{slug}",
    response={200: ChannelOut, 403: ProblemSchema, 404: ProblemSchema},
    summary="Archive a channel",
)
def edit_channel(request: HttpRequest, slug: Path[Slug], edit: ChannelEdit) -> Any:
    """Archive a channel, or open it again: in an archived one nothing is posted."""
    with problems():
        require_permission(subject=subject_of(request), action=MANAGE, resource=f"channel:{slug}")
        return channels.set_archived(slug=slug, archived=edit.archived)


@private.get("/channels/{slug}/messages", response={200: MessagePage, 404: ProblemSchema}, summary="Messages")
def list_messages(request: HttpRequest, slug: Path[Slug], wanted: Query[MessageSearch]) -> Any:
    """A channel's messages, newest first."""
    with problems():
        found = queries.messages(channels.get_channel(slug), wanted)
    return queries.page(found, limit=wanted.limit, offset=wanted.offset)


@private.post(
    "/channels/{slug}/messages",
    response={200: MessageOut, 201: MessageOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Post a message",
)
def post_message(request: HttpRequest, slug: Path[Slug], new: NewMessage) -> Any:
    """Say something. The same external id and words again are the same message (200)."""
    with problems():
        posted = messages.post(
            channel=slug,
            subject=subject_of(request),
            external_id=key_of(request, new.external_id),
            text=new.text,
            now=timezone.now(),
        )
    return Status(201 if posted.is_new else 200, posted.message)


@private.get(
    "/channels/{slug}/messages/{message}",
    response={200: MessageOut, 404: ProblemSchema},
    summary="One message",
)
def show_message(request: HttpRequest, slug: Path[Slug], message: Path[Number]) -> Any:
    """A message; an answer is `answering` until it is answered, declined or failed."""
    with problems():
        return messages.get_message(channel=slug, message=message)


@private.post(
    "/channels/{slug}/ask",
    response={200: None, 202: AskedOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    openapi_extra=_STREAM,
    summary="Ask a question",
)
def ask(request: HttpRequest, slug: Path[Slug], new: NewQuestion) -> Any:
    """Have a question answered from the notes, with citations: as it is written, or by a job.

    The same external id and words again are the same question: its answer is told, not made anew.
    """
    with problems():
        asked = answering.ask(
            channel=slug,
            subject=subject_of(request),
            external_id=key_of(request, new.external_id),
            text=new.text,
            now=timezone.now(),
            by_job=not new.stream,
        )
    if new.stream:
        return streaming.streamed(asked)
    href = f"/api/chat/channels/{slug}/messages/{asked.answer.pk}"
    return Status(202, {"question": asked.question, "answer": asked.answer, "href": href})


@private.get(
    "/channels/{slug}/summaries", response={200: SummaryPage, 404: ProblemSchema}, summary="Summaries"
)
def list_summaries(request: HttpRequest, slug: Path[Slug], wanted: Query[Paging]) -> Any:
    """What was said in a channel, part by part, newest first."""
    with problems():
        found = queries.summaries(channels.get_channel(slug))
    return queries.page(found, limit=wanted.limit, offset=wanted.offset)


@private.post(
    "/channels/{slug}/summaries",
    response={201: SummaryOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Summarise now",
)
def summarise(request: HttpRequest, slug: Path[Slug]) -> Any:
    """Summarise what was said since the last summary, however little."""
    with problems():
        channel = channels.get_channel(slug)
        require_permission(subject=subject_of(request), action=POST, resource=f"channel:{slug}")
        summary = summaries.summarise(channel, now=timezone.now(), fewest=1)
    if summary is None:
        raise Problem(
            409, "Nothing new", detail="Nothing was said since the last summary.", type="nothing-new"
        )
    return Status(201, summary)
