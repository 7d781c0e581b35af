"""One trace for all that one event leads to, through every process on its way."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.nats_server import nats_server
from tests.otlp import Receiver, receiving
from tests.system.events_project import EventsProject, events_project
from tests.system.jobs_project import QCluster, wait_until

pytestmark = pytest.mark.slow

PUBLISH = """
import django; django.setup()
from opentelemetry import trace
from contracts.module0 import Counted
from monolith import Profile, atomic, entering
from monolith.events import publish
from monolith.telemetry import span, start_telemetry
start_telemetry(Profile.PRIVATE)
for number in range(2):
    with span("request"), entering("module0"), atomic():
        publish(Counted(thing="thing", number=number, chain=True))
trace.get_tracer_provider().shutdown()
"""
NAMES = {
    "request",
    "publish module0.Counted",
    "relay module0.Counted",
    "inbox module0.Counted",
    "job modules.module2.subscribers.first",
    "job modules.module3.subscribers.first",
    "publish module2.Passed",
    "relay module2.Passed",
    "inbox module2.Passed",
    "job modules.module3.subscribers.passed",
}


@pytest.fixture(scope="module")
def project() -> Iterator[EventsProject]:
    with events_project() as made:
        yield made


def trees(received: Receiver) -> dict[bytes, list[Span]]:
    """Return the spans of each trace that the test began."""
    found: dict[bytes, list[Span]] = {}
    for span in received.spans():
        found.setdefault(span.trace_id, []).append(span)
    return {trace: spans for trace, spans in found.items() if any(span.name == "request" for span in spans)}


def test_every_step_of_an_event_is_in_the_tree_of_its_trace(project: EventsProject) -> None:
    with nats_server(project.project.path) as server, receiving() as received:
        environ = {
            "MONOLITH_BROKER_URL": server.url,
            "MONOLITH_ENVIRONMENT": "test",
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with QCluster(project, "--workers", "1", **environ):
            everything = project.project.environ | {"DJANGO_SETTINGS_MODULE": "settings.private"} | environ
            subprocess.run(
                [sys.executable, "-c", PUBLISH],
                cwd=project.project.path,
                env=everything,
                check=True,
                timeout=60,
            )
            wait_until(
                lambda: (
                    [{s.name for s in spans} >= NAMES for spans in trees(received).values()] == [True] * 2
                ),
                "all spans of both traces",
                30,
            )
        for spans in trees(received).values():
            known = {span.span_id for span in spans}
            assert [span.name for span in spans if not span.parent_span_id] == ["request"]
            assert all(span.parent_span_id in known for span in spans if span.parent_span_id)
