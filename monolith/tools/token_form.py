"""The form that makes a token: what it may call is chosen from a table of modules and tags."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms

from monolith.composition import composed
from monolith.tools import tokens
from monolith.tools.models import Token
from monolith.tools.offer import Tag
from monolith.tools.registry import tools
from monolith.tools.scopes import EVERY, FRAMEWORK

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _TokenForm = forms.ModelForm[Token]
else:
    _TokenForm = forms.ModelForm


def scope_rows() -> list[str]:
    """Return what scopes can name here, in the order of the table: every module, the framework, each module."""
    return [EVERY, FRAMEWORK, *sorted(composed().modules)]


def tools_by_scope() -> Mapping[str, int]:
    """Count the tools that each scope lets a token call."""
    counted = Counter(tool.scope for tool in tools().values())
    counted.update(f"{tool.tag}:{EVERY}" for tool in tools().values())
    return counted


class ScopeTable(forms.CheckboxSelectMultiple):
    """Checkboxes of scopes: a row for each module, a column for each tag, and how many tools each allows."""

    template_name = "monolith/scope_table.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        options = {
            str(option["value"]): option for _, group, _ in context["widget"]["optgroups"] for option in group
        }
        counted = tools_by_scope()
        context["tags"] = list(Tag)
        context["rows"] = [
            (
                "every module" if module == EVERY else module,
                [(options[scope], counted.get(scope, 0)) for scope in (f"{tag}:{module}" for tag in Tag)],
            )
            for module in scope_rows()
        ]
        return context


def _choices() -> Sequence[tuple[str, str]]:
    return [(scope, scope) for scope in (f"{tag}:{module}" for module in scope_rows() for tag in Tag)]


class TokenForm(_TokenForm):
    """A new token."""

    scopes = forms.MultipleChoiceField(
        choices=_choices,
        widget=ScopeTable,
        help_text="What it may call. The number is how many tools that is now. Each call of a restricted tool waits "
        "for a person as well.",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=tokens.MAX_LIFE.days,
        initial=tokens.DEFAULT_LIFE.days,
        label="Days",
        help_text=f"How long it is good, at most {tokens.MAX_LIFE.days}.",
    )

    class Meta:
        model = Token
        fields = ["name", "tenant", "calls_a_minute", "units_a_day"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        given = self.cleaned_data
        if not self.errors and (problems := tokens.token_problems(**_asked_for(given))):
            raise forms.ValidationError(problems)
        return given


def _asked_for(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("name", "scopes", "tenant", "calls_a_minute", "units_a_day")
    return {name: given[name] for name in names} | {"life": timedelta(days=given["days"])}
