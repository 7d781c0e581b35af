"""The field that says whose a row is."""

from typing import TYPE_CHECKING, Any, Final

from django.db import models

from monolith.scope import call_scope

if TYPE_CHECKING:
    _Text = models.TextField[str, str]
else:
    _Text = models.TextField

_IMPLIED: Final = frozenset({"default", "editable"})


def current_tenant() -> str:
    """Return the tenant that this code acts for; empty when it acts for none."""
    return call_scope().tenant


class TenantField(_Text):
    """Whose the row is: filled in with the tenant that the code acts for, and never edited.

    A model of a tenant table has it as `tenant_id = TenantField()`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        chosen: dict[str, Any] = {"default": current_tenant, "editable": False} | options
        super().__init__(*args, **chosen)

    def deconstruct(self) -> Any:
        name, path, arguments, options = super().deconstruct()
        return name, path, arguments, {key: value for key, value in options.items() if key not in _IMPLIED}
