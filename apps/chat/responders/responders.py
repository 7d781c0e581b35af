"""The responders by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from apps.chat.configuration import API_KEY, EXTRACTIVE, OPENAI, OPENAI_MODEL, OPENAI_URL, Configuration
from apps.chat.errors import UnknownResponderError
from apps.chat.responders.extractive import ExtractiveResponder
from apps.chat.responders.openai import OpenAIResponder
from apps.chat.responders.port import Responder
from monolith import composed


def default_responder(configuration: Configuration | None = None) -> Responder:
    """Return the responder that CHAT_RESPONDER names, else the extractive one. Raises UnknownResponderError."""
    configuration = configuration or Configuration.read()
    if configuration.responder not in RESPONDERS:
        raise UnknownResponderError(configuration.responder, RESPONDERS)
    return RESPONDERS[configuration.responder](configuration)


def _extractive(configuration: Configuration) -> Responder:
    return ExtractiveResponder()


def _openai(configuration: Configuration) -> Responder:
    declared = (
        composed().modules["chat"].secrets
    )  # empty unless a key was needed or set when this process began
    needed = {
        OPENAI_URL: configuration.openai_url,
        OPENAI_MODEL: configuration.openai_model,
        API_KEY: declared,
    }
    if lacking := [name for name, value in needed.items() if not value]:
        raise UnknownResponderError(OPENAI, RESPONDERS, lacking=", ".join(lacking))
    return OpenAIResponder(
        url=configuration.openai_url,
        model=configuration.openai_model,
        api_key=composed().secret("chat", declared[0]),
        timeout_s=configuration.answer_timeout_s,
    )


RESPONDERS: Final[Mapping[str, Callable[[Configuration], Responder]]] = MappingProxyType(
    {EXTRACTIVE: _extractive, OPENAI: _openai}
)
