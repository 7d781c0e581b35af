"""Log lines that say on whose behalf they were written, and never hold a secret.

Everything goes through the standard library's logging; structlog's loggers end there too. A terminal gets
readable lines, anything else one JSON object per line.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

from monolith.analytics import read_analytics_url
from monolith.context import current_module
from monolith.environment import Environment
from monolith.module import PLATFORM
from monolith.profile import Profile
from monolith.scope import call_scope
from monolith.telemetry import current_trace_id

request_id: ContextVar[str] = ContextVar("monolith_request_id", default="")
"""The id of the request that this code answers; empty outside one."""

REDACTED: Final = "[redacted]"
# A shorter value is no secret, and taking it out of every line would make the log unreadable.
MIN_SECRET_LENGTH: Final = 4
_SENSITIVE_KEY: Final = re.compile(
    r"(^|[_\-.])(authorization|cookie|cookies|passwd|password|secret|secret_key|api_?key|token)$",
    re.IGNORECASE,
)
_SENSITIVE_HEADER: Final = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie)\b(['\"]?\s*[:=]\s*)([^\r\n]+)", re.IGNORECASE
)
# The secret of a token for tools (monolith.tools.tokens), which somebody may write into an address.
_OWN_TOKEN: Final = re.compile(r"fmt_[\w-]{40,}")
# What the standard library puts on every record; the rest came through `extra`.
_RECORD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "request",
    "taskName",
}


def logging_settings(profile: Profile, environment: Environment) -> dict[str, Any]:
    """Return Django's LOGGING for a process of `profile`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "monolith.logs.line_formatter", "tier": profile.value}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django and granian bring handlers of their own, which write past the formatter.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            "django-q": {
                "handlers": [],
                "level": "WARNING",
                "propagate": True,
            },  # at INFO two lines for every job
            "django.db.backends": {"level": "INFO"},  # at DEBUG it logs every statement with its parameters
            "httpx2": {"level": "WARNING"},  # at INFO a line for every request, with its address
            "mcp": {"level": "WARNING"},  # at INFO a line for every request
            "_granian": {"handlers": [], "level": "WARNING", "propagate": True},
            "granian.access": {"handlers": [], "level": "INFO", "propagate": True},
            "monolith": {"level": "DEBUG" if environment.debug else "INFO"},
        },
    }


def line_formatter(tier: str, *, terminal: bool | None = None) -> ProcessorFormatter:
    """Return the formatter of this process's log lines, and send structlog's loggers through it as well.

    `terminal` says whether people read along; by default what standard error is.
    """
    readable = sys.stderr.isatty() if terminal is None else terminal
    shared = _shared_processors(tier)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    renderer: Processor = _console() if readable else structlog.processors.JSONRenderer(serializer=_json)
    return ProcessorFormatter(
        foreign_pre_chain=[_add_extra, *shared],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
    )


def _shared_processors(tier: str) -> list[Processor]:
    def add_tier(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        line["tier"] = tier
        return line

    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_tier,
        add_scope,
    ]


def add_scope(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Add module, tenant, request id, correlation id and trace id to a line."""
    request = getattr(line.get("_record"), "request", None)
    meta = getattr(request, "META", None)
    line.setdefault("module", _module(request if meta else None))
    known = request_id.get() or (meta.get("monolith.request_id", "") if meta else "")
    if known:
        line.setdefault("request_id", known)
    scope = call_scope()
    if scope.tenant:
        line.setdefault("tenant", scope.tenant)
    if correlation := scope.correlation or known:
        line.setdefault("correlation_id", correlation)
    if trace := current_trace_id():
        line.setdefault("trace_id", trace)
    return line


def _module(request: Any) -> str:
    """Return the current module; for what Django logs of a request after it left its module, the path's."""
    current = current_module()
    if current != PLATFORM or request is None:
        return current
    parts = request.path_info.split("/", 3)
    named = parts[2] if len(parts) > 2 and parts[1] in ("api", "contracts") else ""
    return named if named in _module_names() else current


def _add_extra(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    record = line.get("_record")
    if record is not None:
        line.update({key: value for key, value in vars(record).items() if key not in _RECORD_FIELDS})
    return line


def redact(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Take values of declared secrets, Authorization and Cookie out of a line, wherever they stand."""
    return {key: _redacted(key, value) for key, value in line.items()}


def redacted(value: Any) -> Any:
    """Return plain data without what goes by a secret's name, and without the values of declared secrets."""
    return _redacted("", value)


def _redacted(key: Any, value: Any) -> Any:
    if isinstance(key, str) and value and _SENSITIVE_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return _without_secrets(value)
    if isinstance(value, bytes):
        return _without_secrets(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {name: _redacted(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _without_secrets(repr(value))


def _without_secrets(text: str) -> str:
    for secret in _secret_values():
        text = text.replace(secret, REDACTED)
    return _SENSITIVE_HEADER.sub(rf"\1\2{REDACTED}", _OWN_TOKEN.sub(REDACTED, text))


def _secret_values() -> tuple[str, ...]:
    from django.conf import settings

    # Lines written while settings are still loading come before any secret is held.
    return _declared_secrets() if settings.configured and hasattr(settings, "MONOLITH") else ()


@cache
def _declared_secrets() -> tuple[str, ...]:
    from django.conf import settings

    from monolith.composition import composed

    composition = composed()
    values: set[str] = {
        secret.get_secret_value() for held in composition.secrets.values() for secret in held.values()
    }
    values |= {key.get_secret_value() for keys in composition.contract_keys.values() for key in keys}
    values |= set(_secrets_of_analytics(composition.environment.analytics_url.get_secret_value()))
    values |= {composition.environment.secret_key.get_secret_value(), str(settings.SECRET_KEY)}
    return tuple(sorted((v for v in values if len(v) >= MIN_SECRET_LENGTH), key=len, reverse=True))


def _secrets_of_analytics(url: str) -> Iterator[str]:
    yield url
    try:
        yield read_analytics_url(url).password
    except ValueError:  # not set, or nobody's who would use it
        return


@cache
def _module_names() -> frozenset[str]:
    from monolith.composition import composed

    return frozenset(composed().declared)


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=True, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )


def _json(line: MutableMapping[str, Any], **_: Any) -> str:
    return json.dumps(line, ensure_ascii=False, default=repr)
