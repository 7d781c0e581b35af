"""Django's handle on the module."""

from django.apps import AppConfig


class StarsConfig(AppConfig):
    name = "apps.stars"
    label = "stars"
    verbose_name = "Stars"
