"""Reminders over HTTP: everybody has their own."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.chat import queries
from apps.chat import reminders as services
from apps.chat.answers import ReminderOut, ReminderPage
from apps.chat.edge import problems, subject_of
from apps.chat.inputs import Number
from apps.chat.models import Reminder
from apps.chat.requests import NewReminder, ReminderSearch
from monolith.http.problems import ProblemSchema

reminders = Router()


@reminders.get("", response={200: ReminderPage}, summary="Your reminders")
def list_reminders(request: HttpRequest, wanted: Query[ReminderSearch]) -> Any:
    """Your reminders by the time they are due."""
    own = queries.reminders(subject_of(request), status=wanted.status)
    return queries.page(own, limit=wanted.limit, offset=wanted.offset)


@reminders.post(
    "",
    response={201: ReminderOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Remind me",
)
def add_reminder(request: HttpRequest, new: NewReminder) -> Any:
    """Have words said in a channel at a time."""
    with problems():
        reminder = services.remind_me(subject=subject_of(request), **new.model_dump(), now=timezone.now())
    return Status(201, _shown(reminder))


@reminders.post(
    "/{reminder}/cancel",
    response={200: ReminderOut, 404: ProblemSchema, 409: ProblemSchema},
    summary="Cancel a reminder",
)
def cancel_reminder(request: HttpRequest, reminder: Path[Number]) -> Any:
    """Cancel one of your reminders that waits."""
    with problems():
        return _shown(services.cancel(reminder_id=reminder, subject=subject_of(request)))


def _shown(reminder: Reminder) -> dict[str, Any]:
    fields = ("id", "text", "due_at", "status", "delivery_id", "created_at")
    return {name: getattr(reminder, name) for name in fields} | {"slug": reminder.channel.slug}
