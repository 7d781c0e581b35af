"""Admin pages of tokens, decisions and the audit of calls."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from monolith.admin.columns import Tone, badge, document, excerpt, moment, state
from monolith.admin.confirmation import MAX_CONFIRMED, ask, is_confirmed, is_of_row
from monolith.admin.pages import ON_LIST_AND_ROW, ModuleAdmin, ReadOnlyAdmin
from monolith.tools import decisions, tokens
from monolith.tools.addresses import resource_of
from monolith.tools.admin_filters import (
    CallTokenFilter,
    DecisionStateFilter,
    ModuleFilter,
    TagFilter,
    TokenStateFilter,
    ToolFilter,
)
from monolith.tools.models import Decision, Token, ToolCall
from monolith.tools.token_form import TokenForm

Outcome = ToolCall.Outcome
TONES: Final = {
    "good": Tone.GOOD,
    "open": Tone.WARN,
    Decision.Status.APPROVED: Tone.BUSY,
    Decision.Status.REFUSED: Tone.BAD,
    Decision.Status.USED: Tone.GOOD,
    Outcome.RUNNING: Tone.BUSY,
    Outcome.SUCCEEDED: Tone.GOOD,
    Outcome.FORBIDDEN: Tone.BAD,
    Outcome.FAILED: Tone.BAD,
    Outcome.LIMITED: Tone.WARN,
    Outcome.UNDECIDED: Tone.WARN,
}


def token_state(token: Token) -> str:
    """Say whether a token may still be used, and if not, why."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if tokens.is_over(token) else "good"


def decision_state(decision: Decision) -> str:
    """Say where a decision stands now: one ends with its time or its token, and nobody writes that down."""
    if decision.status not in (Decision.Status.PENDING, Decision.Status.APPROVED):
        return decision.status
    if decision.expires_at <= timezone.now() or token_state(decision.token) != "good":
        return str(Decision.Status.EXPIRED)
    return "open" if decision.status == Decision.Status.PENDING else decision.status


TOKEN_STATE: Final = state(token_state, TONES)
DECISION_STATE: Final = state(decision_state, TONES)
_SHOWN_ONCE: Final = (
    "monolith_shown_once"  # the secret, on a request that made a token, until its answer is written
)


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin[Token]):
    """Tokens are made here and revoked; nobody changes what one may call after it was given away."""

    form = TokenForm
    list_display = ["name", TOKEN_STATE, "may_call", "tenant", "expires_at", "used_at", "made_by"]
    list_filter = [TokenStateFilter, "expires_at"]
    search_fields = ["name", "tenant"]
    actions = ["revoke"]
    fields: ClassVar[Any] = [  # a column may stand among them, which the type does not say
        "name",
        TOKEN_STATE,
        "may_call",
        "tenant",
        "made_by",
        "made_at",
        "expires_at",
        "revoked_at",
        "used_at",
        "calls_a_minute",
        "units_a_day",
        "spent_units",
        "spent_on",
    ]

    @admin.display
    def may_call(self, token: Token) -> str:
        return ", ".join(token.scopes)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return ModuleAdmin.has_add_permission(self, request)

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> Any:
        if obj is None:
            return ["name", "scopes", "tenant", "days", "calls_a_minute", "units_a_day"]
        return super().get_fields(request, obj)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, only_save | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        made, secret = tokens.make(
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            made_by=_actor(request),
            tenant=obj.tenant,
            life=timedelta(days=form.cleaned_data["days"]),
            calls_a_minute=obj.calls_a_minute,
            units_a_day=obj.units_a_day,
        )
        for field in made._meta.concrete_fields:
            setattr(obj, field.attname, getattr(made, field.attname))
        setattr(request, _SHOWN_ONCE, secret)

    def response_add(
        self, request: HttpRequest, obj: Token, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in the answer itself: a message would keep it in a cookie or a session."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"The token {obj.name}",
            "token": obj,
            "secret": getattr(request, _SHOWN_ONCE),
            "address": resource_of(request),
        }
        return TemplateResponse(request, "monolith/token_made.html", context)

    @admin.action(
        description="Revoke", description_plural="Revoke …", permissions=["act"], location=ON_LIST_AND_ROW
    )
    def revoke(self, request: HttpRequest, chosen: QuerySet[Token]) -> HttpResponse | None:
        good = list(chosen.filter(revoked_at=None)[: MAX_CONFIRMED + 1])
        if not good or len(good) > MAX_CONFIRMED:
            text = f"Choose {MAX_CONFIRMED} at most." if good else "Nothing was done: revoked they are."
            self.message_user(request, text, messages.WARNING)
            return None
        if not is_confirmed(request):
            question = "Revoke? Calls are refused from then on, and no token comes back."
            columns = [TOKEN_STATE, document("scopes"), excerpt("used_at")]
            return ask(request, self, good, action="revoke", question=question, yes="Revoke", columns=columns)
        for token in good:
            tokens.revoke(token.name)
            self.log_change(request, token, "Revoked.")
        self.message_user(request, f"{len(good)} revoked.", messages.SUCCESS)
        return None


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin[Decision]):
    """Calls of restricted tools that wait for a person, who reads the arguments before deciding."""

    list_display = [
        "tool",
        DECISION_STATE,
        "token",
        excerpt("arguments"),
        "asked_at",
        "expires_at",
        "decided_by",
    ]
    list_filter = [DecisionStateFilter, ModuleFilter, ToolFilter, "asked_at"]
    list_select_related = ["token"]
    search_fields = ["tool__startswith", "token__name", "id__exact"]
    search_help_text = "How a tool's name begins, a token's name, or a whole id"
    actions = ["approve", "refuse"]
    fields: ClassVar[Any] = [
        "tool",
        DECISION_STATE,
        "token",
        "arguments",
        "asked_at",
        "expires_at",
        "decided_at",
        "decided_by",
        "call",
        "id",
    ]

    @admin.display(empty_value="")
    def call(self, decision: Decision) -> str | None:
        """Point at the call that used it."""
        if decision.call_id is None:
            return None
        page = reverse("admin:monolith_tools_toolcall_change", args=[decision.call_id])
        return format_html('<a href="{}">{}</a>', page, decision.call_id)

    def get_ordering(self, request: HttpRequest) -> Any:
        is_open = When(status=Decision.Status.PENDING, expires_at__gt=timezone.now(), then=0)
        return [Case(is_open, default=1), "-asked_at"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        decision = self.get_object(request, unquote(object_id))
        is_open = decision is not None and decision_state(decision) == "open"
        context = {} if is_open else {"action_form": None}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    @admin.action(
        description="Approve: the call may be made once", permissions=["act"], location=ON_LIST_AND_ROW
    )
    def approve(self, request: HttpRequest, chosen: QuerySet[Decision]) -> HttpResponse | None:
        return self._decide(request, chosen, action="approve", word="Approve")

    @admin.action(description="Refuse", permissions=["act"], location=ON_LIST_AND_ROW)
    def refuse(self, request: HttpRequest, chosen: QuerySet[Decision]) -> HttpResponse | None:
        return self._decide(request, chosen, action="refuse", word="Refuse")

    def _decide(
        self, request: HttpRequest, chosen: QuerySet[Decision], *, action: str, word: str
    ) -> HttpResponse | None:
        asked = list(chosen[: MAX_CONFIRMED + 1])
        if len(asked) > MAX_CONFIRMED:
            self.message_user(request, f"Nothing was done: choose {MAX_CONFIRMED} at most.", messages.WARNING)
            return None
        if not (is_confirmed(request) or is_of_row(request)):
            question = f"{word} these calls, with these arguments?"
            columns = [document("arguments"), excerpt("token"), DECISION_STATE]
            return ask(request, self, asked, action=action, question=question, yes=word, columns=columns)
        for decision in asked:
            if decisions.decide(decision.pk, approved=action == "approve", by=_actor(request)):
                self.log_change(request, decision, f"{word}d.")
                self.message_user(request, f"{decision.tool}: {word.lower()}d.", messages.SUCCESS)
            else:
                self.message_user(
                    request,
                    f"{decision.tool}: nothing was done, it is {decision_state(decision)}.",
                    messages.ERROR,
                )
        return None


@admin.register(ToolCall)
class ToolCallAdmin(ReadOnlyAdmin[ToolCall]):
    """Every call; the database lets nobody change one."""

    list_display = [
        moment("at"),
        "tool",
        badge("outcome", TONES),
        excerpt("detail"),
        "token_name",
        "tenant",
        "duration_ms",
        "units",
    ]
    list_filter = ["outcome", TagFilter, ModuleFilter, ToolFilter, CallTokenFilter]
    search_fields = ["id__exact", "token_id__exact", "correlation__exact", "tool__startswith", "token_name"]
    search_help_text = (
        "A whole id of a call, a token or a correlation; how a tool's name begins; a token's name"
    )
    date_hierarchy = "at"
    fields: ClassVar[Any] = [
        moment("at"),
        "tool",
        "tag",
        "outcome",
        "detail",
        "arguments",
        "token_name",
        "token_id",
        "tenant",
        "duration_ms",
        "units",
        "correlation",
        "id",
    ]
