"""A page between an action on chosen rows and its happening: it shows the rows, and asks."""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.admin import ActionLocation, ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse

from monolith.admin.columns import Column

MAX_CONFIRMED: Final = 100  # rows: a page with more is read by nobody
_CONFIRMED: Final = "confirmed"


def is_confirmed(request: HttpRequest) -> bool:
    """Say whether the page was shown and answered with yes."""
    return request.POST.get(_CONFIRMED) == "yes"


def is_of_row(request: HttpRequest) -> bool:
    """Say whether an action comes from the page of the row that it is for, where the row was to be read."""
    return f"{ActionLocation.CHANGE_FORM.value}-action" in request.POST


def ask(
    request: HttpRequest,
    pages: "ModelAdmin[Any]",
    rows: Iterable[Model],
    *,
    action: str,
    question: str,
    yes: str,
    columns: Iterable[Column] = (),
) -> TemplateResponse:
    """Return the page that asks before `action` of `pages` is done to `rows`, with these columns of each.

    Its answer comes to the action again, as one of the list; `is_confirmed` tells the two apart.
    """
    columns = list(columns)
    shown = [(row, [column(row) for column in columns]) for row in rows]
    context = {
        **pages.admin_site.each_context(request),
        "opts": pages.opts,
        "title": question,
        "headers": [str(getattr(column, "short_description", "")) for column in columns],
        "rows": shown,
        "action": action,
        "yes": yes,
        "checkbox": ACTION_CHECKBOX_NAME,
        "confirmed": _CONFIRMED,
    }
    return TemplateResponse(request, "monolith/admin_confirmation.html", context)
