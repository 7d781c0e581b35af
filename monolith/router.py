"""Which connection a model gets: the current module's, or none."""

from typing import Any

from django.db.models import Model

from monolith.boundary import belongs, require_allowed
from monolith.composition import composed
from monolith.context import current_module
from monolith.module import FRAMEWORK_LABEL
from monolith.profile import Profile


class ModuleRouter:
    """Hands out the current module's alias only."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        composition = composed()
        owner = composition.module_of_label(model._meta.app_label)
        if composition.environment.boundary == "enforce":  # audit mode counts statements, in the guard
            require_allowed(owner, f"the model {model._meta.label}")
        return composition.alias_of(current_module() if owner == FRAMEWORK_LABEL else owner)

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        composition = composed()
        return composition.module_of_label(first._meta.app_label) == composition.module_of_label(
            second._meta.app_label
        )

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        composition = composed()
        if composition.profile is not Profile.MIGRATOR:
            return False
        from django_pgschemas.schema import get_current_schema  # the migrator's alone

        # Without an active schema nothing migrates: `makemigrations` needs no database to ask about history.
        module = current_module()
        owner = composition.module_of_label(app_label)
        return belongs(owner, module) and module == get_current_schema().schema_name
