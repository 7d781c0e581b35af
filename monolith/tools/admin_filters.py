"""Filters of the admin's lists of tokens, decisions and calls; none lists the distinct values of a big table."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from monolith.composition import composed
from monolith.tools.models import Decision, Token, ToolCall
from monolith.tools.offer import Tag
from monolith.tools.registry import tools
from monolith.tools.scopes import FRAMEWORK

type Lookups = list[tuple[str, Any]]

MOST: Final = 200  # tokens in a filter: more are found by search


class TokenStateFilter(admin.SimpleListFilter):
    """Narrows tokens to those that are good, over or revoked."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [
            ("good", "Good"),
            ("expired", "Expired"),
            ("revoked", "Revoked"),
            ("unused", "Good, never used"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> QuerySet[Token]:
        good = Q(revoked_at=None, expires_at__gt=timezone.now())
        match self.value():
            case "good":
                return queryset.filter(good)
            case "unused":
                return queryset.filter(good, used_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
            case "expired":
                return queryset.filter(revoked_at=None, expires_at__lte=timezone.now())
        return queryset


class DecisionStateFilter(admin.SimpleListFilter):
    """Narrows decisions by where they stand now: one ends with its time or its token, and nobody writes that down."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [("open", "Open"), *((str(value), label) for value, label in Decision.Status.choices[1:])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Decision]) -> QuerySet[Decision]:
        states, now = Decision.Status, timezone.now()
        may_end = Q(status__in=[states.PENDING, states.APPROVED])
        over = may_end & (Q(expires_at__lte=now) | ~Q(token__revoked_at=None) | Q(token__expires_at__lte=now))
        match self.value():
            case "open":
                return queryset.filter(status=states.PENDING).exclude(over)
            case states.EXPIRED:
                return queryset.filter(Q(status=states.EXPIRED) | over)
            case str() as chosen if chosen in states.values:
                return queryset.filter(status=chosen).exclude(over)
        return queryset


class TagFilter(admin.SimpleListFilter):
    """Narrows calls to tools of one tag."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(str(tag), str(tag)) for tag in Tag]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ToolCall]) -> QuerySet[ToolCall]:
        return queryset.filter(tag=self.value()) if self.value() else queryset


class ModuleFilter(admin.SimpleListFilter):
    """Narrows rows to the tools of one module."""

    title = "module"
    parameter_name = "module"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(name, name) for name in (FRAMEWORK, *composed().modules)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(tool__startswith=f"{self.value()}_") if self.value() else queryset


class ToolFilter(admin.SimpleListFilter):
    """Narrows rows to one tool of the module that was chosen.

    Offers the tools that there are: of one that there is not, an agent chose the name.
    """

    title = "tool"
    parameter_name = "tool"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        module = request.GET.get(ModuleFilter.parameter_name, "")
        return [(tool.name, tool.name) for tool in tools().values() if module == tool.module]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(tool=self.value()) if self.value() else queryset


class CallTokenFilter(admin.SimpleListFilter):
    """Narrows calls to those of one token, the last used ones first."""

    title = "token"
    parameter_name = "token"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        used = Token.objects.exclude(used_at=None).order_by("-used_at")
        return [(str(pk), name) for pk, name in used.values_list("pk", "name")[:MOST]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ToolCall]) -> QuerySet[ToolCall]:
        token, known = self.value(), {value for value, _ in self.lookup_choices}
        return queryset.filter(token_id=token) if token is not None and token in known else queryset
