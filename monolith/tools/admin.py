"""Admin pages of tokens, decisions and the audit of calls."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from monolith.composition import composed
from monolith.tools import decisions, tokens
from monolith.tools.models import Decision, Token, ToolCall
from monolith.tools.scopes import scope_problems, suggestions

if TYPE_CHECKING:
    _TokenAdmin = admin.ModelAdmin[Token]
    _DecisionAdmin = admin.ModelAdmin[Decision]
    _CallAdmin = admin.ModelAdmin[ToolCall]
    _TokenForm = forms.ModelForm[Token]
else:
    _TokenAdmin = _DecisionAdmin = _CallAdmin = admin.ModelAdmin
    _TokenForm = forms.ModelForm


class TokenForm(_TokenForm):
    """A new token, its scopes one in a line."""

    scopes = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6}), help_text="One in a line: read:knowledge"
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=tokens.MAX_LIFE.days,
        initial=tokens.DEFAULT_LIFE.days,
        help_text="How long it is good.",
    )

    class Meta:
        model = Token
        fields = ["name", "tenant", "calls_a_minute", "units_a_day"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["scopes"].help_text = suggestions(composed().modules)

    def clean_scopes(self) -> list[str]:
        scopes = self.cleaned_data["scopes"].split()
        if problems := list(scope_problems(scopes, composed().declared)):
            raise forms.ValidationError(problems)
        return sorted(set(scopes))


@admin.register(Token)
class TokenAdmin(_TokenAdmin):
    """Tokens are made here and revoked; nobody changes what one may call after it was given away."""

    list_display = [
        "name",
        "scope_list",
        "tenant",
        "expires_at",
        "revoked_at",
        "used_at",
        "made_by",
    ]
    list_filter = ["revoked_at"]
    search_fields = ["name", "tenant"]
    actions = ["revoke"]
    form = TokenForm

    @admin.display(description="scopes")
    def scope_list(self, token: Token) -> str:
        return ", ".join(token.scopes)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            fields = ["name", "scopes", "tenant", "days", "calls_a_minute", "units_a_day"]
            return [(None, {"fields": fields})]
        return super().get_fieldsets(request, obj)

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        made, secret = tokens.make(
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            made_by=request.user.get_username(),
            tenant=obj.tenant,
            life=timedelta(days=form.cleaned_data["days"]),
            calls_a_minute=obj.calls_a_minute,
            units_a_day=obj.units_a_day,
        )
        obj.pk = made.pk
        messages.warning(request, f"The secret of {made.name}, which is shown this once: {secret}")

    @admin.action(description="Revoke from now on", permissions=["add"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[Token]) -> None:
        count = sum(tokens.revoke(token.name) is not None for token in chosen)
        messages.success(request, f"{count} revoked.")


@admin.register(Decision)
class DecisionAdmin(_DecisionAdmin):
    """Calls of restricted tools that wait for a person."""

    list_display = ["asked_at", "tool", "token", "status", "expires_at", "decided_by"]
    list_filter = ["status", "tool"]
    list_select_related = ["token"]
    date_hierarchy = "asked_at"
    actions = ["approve", "refuse"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [field.name for field in Decision._meta.fields]

    @admin.action(description="Approve: the call may be made once", permissions=["change"])
    def approve(self, request: HttpRequest, chosen: QuerySet[Decision]) -> None:
        self._decide(request, chosen, approved=True)

    @admin.action(description="Refuse", permissions=["change"])
    def refuse(self, request: HttpRequest, chosen: QuerySet[Decision]) -> None:
        self._decide(request, chosen, approved=False)

    def _decide(self, request: HttpRequest, chosen: QuerySet[Decision], *, approved: bool) -> None:
        by = request.user.get_username()
        count = sum(decisions.decide(each.pk, approved=approved, by=by) for each in chosen)
        messages.success(request, f"{count} {'approved' if approved else 'refused'}.")
        if late := chosen.count() - count:
            messages.warning(request, f"{late} had been decided, used, or were over.")


@admin.register(ToolCall)
class ToolCallAdmin(_CallAdmin):
    """Every call; the database lets nobody change one."""

    list_display = ["at", "tool", "token_name", "tenant", "outcome", "duration_ms", "units"]
    list_filter = ["outcome", "tag", "tool"]
    search_fields = ["tool", "token_name", "tenant", "correlation"]
    date_hierarchy = "at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
