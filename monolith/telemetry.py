"""Tracing with OpenTelemetry: on when an OTLP endpoint is set, not even imported when not."""

import importlib.util
import os
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from monolith.errors import CompositionError
from monolith.profile import Profile

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MODULE_ATTRIBUTE: Final = "monolith.module"
TENANT_ATTRIBUTE: Final = "monolith.tenant"
CORRELATION_ATTRIBUTE: Final = "monolith.correlation_id"
PACKAGES: Final = (
    "opentelemetry.sdk",
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.django",
    "opentelemetry.instrumentation.psycopg",
)
DEFAULTS: Final = {
    # Without it the instrumentations still send the names of before the conventions became stable.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    "OTEL_PYTHON_DJANGO_EXCLUDED_URLS": "healthz,readyz",  # asked every few seconds, and nobody reads them
}

_NOT_TRACED: Final[AbstractContextManager[Any]] = nullcontext()
_started = False


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Say whether the environment names an OTLP endpoint and does not switch the SDK off."""
    return (
        any(environ.get(name) for name in ENDPOINTS)
        and environ.get("OTEL_SDK_DISABLED", "").lower() != "true"
    )


def start_telemetry(profile: Profile, environ: MutableMapping[str, str] = os.environ) -> bool:
    """Trace requests and SQL of this process if the environment asks for it; returns whether it does.

    To be called before the first request handler is made; further calls do nothing. Raises CompositionError when an
    endpoint is set and the packages are missing.
    """
    global _started  # instrumenting patches this process, once
    if _started or not is_wanted(environ):
        return _started
    require_packages(environ)
    for name, value in DEFAULTS.items():
        environ.setdefault(name, value)
    from monolith import tracing

    tracing.instrument(service=f"fastmonolith-{profile.value}")
    _started = True
    return True


def require_packages(environ: Mapping[str, str]) -> None:
    """Make sure that what tracing needs is installed if the environment asks for tracing; imports none of it.

    Raises CompositionError naming the variable and what to install.
    """
    if is_wanted(environ) and (missing := [name for name in PACKAGES if not _is_installed(name)]):
        variable = next(name for name in ENDPOINTS if environ.get(name))
        problem = (
            f"{variable} is set and {', '.join(missing)} cannot be imported; "
            f"install fastmonolith[telemetry], or unset {variable}"
        )
        raise CompositionError([problem])


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:  # a parent package is missing
        return False


def current_trace_id() -> str:
    """Return the id of the current trace in hexadecimal; empty when there is none."""
    if not _started:
        return ""
    from monolith.tracing import trace_id

    return trace_id()


def is_tracing() -> bool:
    """Say whether this process traces."""
    return _started


def span(name: str, **attributes: str) -> AbstractContextManager[Any]:
    """Trace a block as one span of this name; nothing when tracing is off."""
    if not _started:
        return _NOT_TRACED
    from monolith.tracing import span as traced

    return traced(name, attributes)


def outgoing_headers() -> dict[str, str]:
    """Return the headers that let another process continue the current trace; none when tracing is off."""
    if not _started:
        return {}
    from monolith.tracing import outgoing_headers as headers

    return headers()


def continuing(headers: Mapping[str, str], name: str) -> AbstractContextManager[Any]:
    """Trace a block as one span of the trace that `headers` carry; nothing when tracing is off."""
    if not _started:
        return _NOT_TRACED
    from monolith.tracing import continuing as continued

    return continued(headers, name)
