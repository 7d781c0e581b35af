"""Tracing: absent unless asked for, whole when it is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from monolith import telemetry
from monolith.errors import CompositionError
from monolith.profile import Profile
from tests.otlp import Receiver, attributes, receiving
from tests.system.running_up import PROJECT, environment, prepared_directory

# Answers the paths given as arguments in-process, as a server's worker would, then ends.
ASK = """
import io, json, sys
from wsgiref.util import setup_testing_defaults

from monolith.wsgi import application

statuses = []
for path in sys.argv[1:]:
    environ = {"PATH_INFO": path, "HTTP_HOST": "127.0.0.1"}
    setup_testing_defaults(environ)
    response = application(environ, lambda status, headers, exc_info=None: statuses.append(int(status[:3])))
    b"".join(response)
    response.close()
loaded = sorted(name for name in sys.modules if name.split(".")[0] == "opentelemetry")
print(json.dumps({"statuses": statuses, "opentelemetry": loaded}))
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def here() -> Iterator[Path]:
    """A data directory that is provisioned and migrated."""
    with prepared_directory() as place:
        yield place


def ask(directory: Path, *paths: str, **more: str) -> dict[str, Any]:
    settings = {"DJANGO_SETTINGS_MODULE": "settings.private", "PYTHONPATH": str(PROJECT)}
    result = subprocess.run(
        [sys.executable, "-c", ASK, *paths],
        cwd=PROJECT,
        env=environment(directory, **settings, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
def test_nothing_of_opentelemetry_is_imported_without_an_endpoint(here: Path) -> None:
    answer = ask(here, "/api/hikes/walks", "/readyz")

    assert answer == {"statuses": [200, 200], "opentelemetry": []}


@pytest.mark.slow
def test_request_and_its_sql_are_one_trace_with_the_module_on_every_span(
    here: Path, receiver: Receiver
) -> None:
    answer = ask(here, "/api/hikes/walks", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)

    assert answer["statuses"] == [200]
    assert receiver.services() == {"fastmonolith-private"}
    spans = receiver.spans()
    (request,) = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    statements = [span for span in spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert attributes(request)["http.request.method"] == "GET"
    assert statements
    assert {span.trace_id for span in spans} == {request.trace_id}
    assert {attributes(span)[telemetry.MODULE_ATTRIBUTE] for span in spans} == {"hikes"}
    assert any("hikes_" in attributes(span).get("db.query.text", "") for span in statements)


@pytest.mark.slow
def test_probes_and_threads_without_a_request_send_no_span(here: Path, receiver: Receiver) -> None:
    ask(here, "/healthz", "/readyz", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)

    assert receiver.spans() == []


@pytest.mark.slow
def test_endpoint_that_does_not_answer_costs_no_request(here: Path) -> None:
    answer = ask(
        here,
        "/api/hikes/walks",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )

    assert answer["statuses"] == [200]


def test_endpoint_without_the_packages_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telemetry, "PACKAGES", ("opentelemetry.sdk", "opentelemetry_not_there.sdk"))

    with pytest.raises(CompositionError, match=r"install fastmonolith\[telemetry\]"):
        telemetry.start_telemetry(Profile.PUBLIC, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def test_switched_off_sdk_is_not_started_by_an_endpoint() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}

    assert not telemetry.is_wanted(environ)
    assert not telemetry.start_telemetry(Profile.PUBLIC, environ)
