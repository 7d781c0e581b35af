"""What chat is told by its environment. It is read before Django is ready: the module's secrets depend on it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

RESPONDER: Final = "CHAT_RESPONDER"
API_KEY: Final = "CHAT_API_KEY"
OPENAI_URL: Final = "CHAT_OPENAI_URL"
OPENAI_MODEL: Final = "CHAT_OPENAI_MODEL"
ANSWER_TIMEOUT: Final = "CHAT_ANSWER_TIMEOUT_S"

EXTRACTIVE: Final = "extractive"
OPENAI: Final = "openai"
RESPONDERS: Final = (EXTRACTIVE, OPENAI)
_LONGEST_S: Final = 120.0  # a job that answers may take a little longer than this, and no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How questions are answered."""

    responder: str = EXTRACTIVE
    openai_url: str = ""  # up to and with /v1
    openai_model: str = ""
    answer_timeout_s: float = 30.0  # a responder that takes longer has failed

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return what the variables say. Raises ValueError naming a bad one, or one that is missing."""
        responder = environ.get(RESPONDER) or EXTRACTIVE
        if responder not in RESPONDERS:
            raise ValueError(f"{RESPONDER} is {responder!r}; it is one of {', '.join(RESPONDERS)}")
        lacking = [
            name for name in (OPENAI_URL, OPENAI_MODEL) if responder == OPENAI and not environ.get(name)
        ]
        if lacking:
            raise ValueError(f"{RESPONDER} is {OPENAI!r}, which needs {' and '.join(lacking)}")
        return cls(
            responder=responder,
            openai_url=environ.get(OPENAI_URL, "").rstrip("/"),
            openai_model=environ.get(OPENAI_MODEL, ""),
            answer_timeout_s=_seconds(environ),
        )


def secrets(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the secrets to declare: the key where it is needed, and wherever it is set.

    So the private tier does not start without one that it needs, and the public tier with none at all.
    """
    return (API_KEY,) if environ.get(RESPONDER) == OPENAI or environ.get(API_KEY) else ()


def _seconds(environ: Mapping[str, str]) -> float:
    given = environ.get(ANSWER_TIMEOUT) or "30"
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(
            f"{ANSWER_TIMEOUT} is {given!r}; give seconds, more than 0 and at most {_LONGEST_S:g}"
        )
    return seconds
