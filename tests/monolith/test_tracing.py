"""What spans say of the work that they are about."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from monolith import entering
from monolith.contracts.scope import acting, correlated
from monolith.tracing import ScopeSpans


def test_span_names_module_tenant_and_what_the_work_belongs_to() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(ScopeSpans())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    with entering("hikes"), acting(tenant="alpine-club"), correlated(correlation="c-1"):
        tracer.start_span("known").end()
    tracer.start_span("unknown").end()

    known, unknown = (dict(span.attributes or {}) for span in exporter.get_finished_spans())
    assert known == {
        "monolith.module": "hikes",
        "monolith.tenant": "alpine-club",
        "monolith.correlation_id": "c-1",
    }
    assert unknown == {"monolith.module": "platform"}
