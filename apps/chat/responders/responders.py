"""The responders by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from apps.chat.configuration import EXTRACTIVE, OPENAI, Configuration
from apps.chat.responders.extractive import ExtractiveResponder
from apps.chat.responders.openai import OpenAIResponder
from apps.chat.responders.port import Responder
from monolith import composed


def default_responder(configuration: Configuration | None = None) -> Responder:
    """Return the responder that CHAT_RESPONDER names, else the extractive one."""
    configuration = configuration or Configuration.read()
    return MADE[configuration.responder](configuration)


def _extractive(configuration: Configuration) -> Responder:
    return ExtractiveResponder()


def _openai(configuration: Configuration) -> Responder:
    (key,) = composed().modules["chat"].secrets  # a process that was told to use a model began with its key
    return OpenAIResponder(
        url=configuration.openai_url,
        model=configuration.openai_model,
        api_key=composed().secret("chat", key),
        timeout_s=configuration.answer_timeout_s,
    )


MADE: Final[Mapping[str, Callable[[Configuration], Responder]]] = MappingProxyType(
    {EXTRACTIVE: _extractive, OPENAI: _openai}
)
