"""Django's handle on the module."""

from django.apps import AppConfig

from apps.chat.configuration import Configuration


class ChatConfig(AppConfig):
    name = "apps.chat"
    label = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        """Refuse to start with settings by which no answer could be made. Raises ValueError naming a bad one."""
        Configuration.read()
