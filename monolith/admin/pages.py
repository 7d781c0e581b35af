"""Bases of modules' ModelAdmins: lists that stay cheap on big tables, and rows that are looked at only."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin import ActionLocation
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from monolith.admin.bounds import MAX_COUNTED, BoundedPaginator
from monolith.admin.columns import document

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ModelAdmin
else:

    class _ModelAdmin[M](admin.ModelAdmin):
        """Django's own, which takes no type argument when the code runs."""


# For actions that call no other module: on a row's own page they run inside its transaction.
ON_LIST_AND_ROW: Final = [ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM]


class ModuleAdmin[M: Model](_ModelAdmin[M]):
    """The admin of a module's model. A list counts at most MAX_COUNTED rows, and no facets."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each is a count over the whole table
    list_per_page = 50

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> HttpResponse | None:
        """Refuse an action on every row of a list whose end nobody has seen."""
        takes_all = request.POST.get("select_across", "0") != "0"
        if (
            action_location == ActionLocation.CHANGE_LIST
            and takes_all
            and BoundedPaginator(queryset, 1).is_cut
        ):
            self.message_user(
                request,
                f"Nothing was done: these are more than {MAX_COUNTED:,} rows. Narrow the list by filters first.",
                messages.ERROR,
            )
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, action_location)


class ReadOnlyAdmin[M: Model](ModuleAdmin[M]):
    """Rows that code writes: to be looked at, never made or edited by hand.

    With `removable` they may be deleted by who has that permission. Actions with `permissions=["act"]` are for who
    has the permission to change such rows, which then means these actions alone. JSON is shown indented.
    """

    removable: ClassVar[bool] = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return self.removable and super().has_delete_permission(request, obj)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may do to such rows what the page's actions do."""
        return super().has_change_permission(request)

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        documents = {field.name for field in self.opts.concrete_fields if isinstance(field, JSONField)}
        return [document(name) if name in documents else name for name in super().get_fields(request, obj)]
