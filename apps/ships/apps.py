from django.apps import AppConfig


class ShipsConfig(AppConfig):
    name = "apps.ships"
    label = "ships"
    verbose_name = "Ships"
