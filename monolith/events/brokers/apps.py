"""The PostgreSQL broker's tables, as Django's migrations know them."""

from django.apps import AppConfig


class BrokerConfig(AppConfig):
    """The app of schema `broker`. It has migrations and no models: the broker has connections of its own."""

    name = "monolith.events.brokers"
    label = "broker"
    verbose_name = "PostgreSQL broker"
