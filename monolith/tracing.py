"""What needs OpenTelemetry; `monolith.telemetry` imports it when tracing is on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from monolith.context import current_module
from monolith.logs import request_id
from monolith.scope import call_scope
from monolith.telemetry import CORRELATION_ATTRIBUTE, MODULE_ATTRIBUTE, TENANT_ATTRIBUTE


class ScopeSpans(SpanProcessor):
    """Writes the current module, tenant and correlation id on every span when it starts."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span.set_attributes(_scope())


def _scope() -> dict[str, str]:
    scope = call_scope()
    found = {
        MODULE_ATTRIBUTE: current_module(),
        TENANT_ATTRIBUTE: scope.tenant,
        CORRELATION_ATTRIBUTE: scope.correlation or request_id.get(),
    }
    return {name: value for name, value in found.items() if value}


class RootedSampler(Sampler):
    """Leaves out client spans that belong to no trace: a pool's threads ask their connections how they are."""

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if kind is SpanKind.CLIENT and not parent.is_valid:
            return SamplingResult(Decision.DROP)
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Rooted{{{self._inner.get_description()}}}"


class RequestSpanMiddleware:
    """Writes on the request's span what was not known when it started: module, tenant, ids. Innermost."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        trace.get_current_span().set_attributes(_scope())
        return self._get_response(request)


def instrument(*, service: str) -> None:
    """Trace requests and SQL, and send spans to the endpoint that OTEL_EXPORTER_OTLP_ENDPOINT names."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.sampler = RootedSampler(provider.sampler)
    provider.add_span_processor(ScopeSpans())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{RequestSpanMiddleware.__name__}"]
    DjangoInstrumentor().instrument(tracer_provider=provider)
    PsycopgInstrumentor().instrument(tracer_provider=provider)


def trace_id() -> str:
    """Return the current trace's id as 32 hexadecimal digits; empty when there is none."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


@contextmanager
def span(name: str, attributes: Mapping[str, str]) -> Iterator[None]:
    """Trace a block as one span; `caller` becomes the attribute `monolith.caller`."""
    named = {f"monolith.{key}": value for key, value in attributes.items()}
    with trace.get_tracer("monolith").start_as_current_span(name, attributes=named):
        yield


def outgoing_headers() -> dict[str, str]:
    """Return the headers of the W3C trace context."""
    headers: dict[str, str] = {}
    inject(headers)
    return headers


@contextmanager
def continuing(headers: Mapping[str, str], name: str) -> Iterator[None]:
    """Trace a block as one span of the trace that the W3C headers name."""
    with trace.get_tracer("monolith").start_as_current_span(
        name, context=extract(headers), kind=SpanKind.CONSUMER
    ):
        yield
