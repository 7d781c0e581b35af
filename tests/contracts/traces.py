"""One trace, as a tree: which span is whose parent, in which process."""

from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.otlp import Receiver, attributes
from tests.system.running_up import wait_until


@dataclass(frozen=True, slots=True)
class Trace:
    """All spans of a trace."""

    spans: list[Span]

    def named(self, name: str) -> Span:
        """Return the only span of that name."""
        [found] = [span for span in self.spans if span.name == name]
        return found

    def path(self, span: Span) -> list[str]:
        """Return the names from the root to a span; for a request its kind, since its name is its address."""
        by_id = {span.span_id: span for span in self.spans}
        names = []
        current: Span | None = span
        while current is not None:
            names.append("request" if current.kind == Span.SPAN_KIND_SERVER else current.name)
            current = by_id[current.parent_span_id] if current.parent_span_id else None
        return names[::-1]

    def is_joined(self) -> bool:
        """Say whether the parent of each span is there: processes send theirs in any order."""
        ids = {span.span_id for span in self.spans}
        return all(not span.parent_span_id or span.parent_span_id in ids for span in self.spans)

    def names(self) -> set[str]:
        """Return what its spans are called."""
        return {span.name for span in self.spans}

    def requests(self) -> list[Span]:
        """Return the spans of requests that processes answered."""
        return [span for span in self.spans if span.kind == Span.SPAN_KIND_SERVER]

    def modules(self) -> set[str]:
        """Return the modules that its spans were made in."""
        return {attributes(span)["monolith.module"] for span in self.spans}


def whole_trace(collector: Receiver, trace_id: str, is_whole: Callable[[Trace], bool]) -> Trace:
    """Wait until the processes have sent a trace whole; fails when they do not."""

    def sent() -> Trace | None:
        trace = Trace([span for span in collector.spans() if span.trace_id.hex() == trace_id])
        return trace if trace.is_joined() and is_whole(trace) else None

    found = wait_until(sent, f"the spans of trace {trace_id} were sent")
    assert found is not None
    return found
