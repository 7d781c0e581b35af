"""Django's handle on the module."""

from django.apps import AppConfig


class HikesConfig(AppConfig):
    name = "apps.hikes"
    label = "hikes"
    verbose_name = "Hikes"
