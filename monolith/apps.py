"""The framework as a Django app: commands, templates, checks, the guard."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class MonolithConfig(AppConfig):
    name = "monolith"
    label = "monolith"
    verbose_name = "FastMonolith"

    def ready(self) -> None:
        from monolith import checks, guard

        checks.register()
        connection_created.connect(guard.install, dispatch_uid="monolith.guard")
