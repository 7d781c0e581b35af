"""Tracing with OpenTelemetry: on when an OTLP endpoint is set, not even imported when not."""

import os
from collections.abc import Mapping, MutableMapping
from typing import Final

from monolith.errors import CompositionError
from monolith.profile import Profile

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MODULE_ATTRIBUTE: Final = "monolith.module"
DEFAULTS: Final = {
    # Without it the instrumentations still send the names of before the conventions became stable.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    "OTEL_PYTHON_DJANGO_EXCLUDED_URLS": "healthz,readyz",  # asked every few seconds, and nobody reads them
}

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
    for name, value in DEFAULTS.items():
        environ.setdefault(name, value)
    try:
        from monolith import tracing
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("opentelemetry"):
            raise
        name = next(name for name in ENDPOINTS if environ.get(name))
        problem = (
            f"{name} is set and the package of {error.name!r} is not installed; "
            f"install fastmonolith[telemetry], or unset {name}"
        )
        raise CompositionError([problem]) from None
    tracing.instrument(service=f"fastmonolith-{profile.value}")
    _started = True
    return True


def current_trace_id() -> str:
    """Return the id of the current trace in hexadecimal; empty when there is none."""
    if not _started:
        return ""
    from monolith.tracing import trace_id

    return trace_id()
