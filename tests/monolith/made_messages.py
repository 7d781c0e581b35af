"""Messages that tests make up."""

from types import new_class
from typing import Any

from monolith.contracts import Event, upcaster
from monolith.contracts.messages import Message


def message(
    fields: dict[str, Any],
    *,
    base: type[Message] = Event,
    key: str = "mmsi",
    reads: tuple[int, ...] = (),
    name: str = "Moored",
    **options: Any,
) -> type[Message]:
    """Return a message of ships; a field is a type, or a type and a default. `reads` are versions with an upcaster."""
    annotations = {name: given[0] if isinstance(given, tuple) else given for name, given in fields.items()}
    defaults = {name: given[1] for name, given in fields.items() if isinstance(given, tuple)}
    body = {
        "__module__": "contracts.ships",
        "__qualname__": name,
        "__doc__": "It.",
        "__annotations__": annotations,
    }
    made: type[Message] = new_class(
        name, (base,), {"key": key, **options}, lambda ns: ns.update(body | defaults)
    )
    for version in reads:
        upcaster(made, version=version)(lambda payload: payload)
    return made
