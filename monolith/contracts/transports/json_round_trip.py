"""In this process, and yet as if by HTTP: everything crosses as JSON text.

What works here works when the module moves away. Slower than in-process, so for tests and development.
"""

from typing import Any

from monolith.contracts.call import Call, Transport
from monolith.contracts.wire import read_answer, respond, write_arguments


class JsonRoundTrip:
    """Writes call and answer as JSON on the way to and from another transport."""

    is_remote = True  # refuses what HTTP would refuse

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    def carry(self, call: Call) -> Any:
        body = write_arguments(call)
        status, text = respond(call, body, self._inner.carry)
        return read_answer(call.operation, status, text)
