"""A message as a JSON Schema document, and what in today's breaks those who read or wrote the last released one."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter

from monolith.contracts.documents.breaks import RELEASED, Break, Direction
from monolith.contracts.documents.compatibility import Comparison, schema_breaks
from monolith.contracts.documents.json_schema import DIALECT, ContractJsonSchema
from monolith.contracts.messages import Message

type Json = Mapping[str, Any]

MESSAGE: Final = "x-message"
"""What of a message is no JSON Schema: its options, and `written`: its payload as it is sent, with every field."""

_ARTICLE: Final = {"event": "an event", "command": "a command"}
_READ: Final = "read"
_WRITTEN: Final = "written"


def message_path(message: type[Message]) -> str:
    """Return where a message's document is, in the folder of documents."""
    declared = message.message_type
    return f"{declared.module}/messages/{message.__name__}.v{declared.version}.json"


def message_document(message: type[Message]) -> dict[str, Any]:
    """Describe a message's payload as its readers take it: what has a default may be left out."""
    declared = message.message_type
    adapter = TypeAdapter(message)
    schemas, named = TypeAdapter.json_schemas(
        [(_READ, "validation", adapter), (_WRITTEN, "serialization", adapter)],
        schema_generator=ContractJsonSchema,
    )
    return {
        "$schema": DIALECT,
        "title": declared.name,
        "description": inspect.cleandoc(message.__doc__ or ""),
        MESSAGE: {**message_options(message), _WRITTEN: schemas[_WRITTEN, "serialization"]},
        **schemas[_READ, "validation"],
        "$defs": named["$defs"],
    }


def message_options(message: type[Message]) -> dict[str, Any]:
    """Return what a declaration says besides the payload."""
    declared = message.message_type
    return {
        "kind": declared.kind.value,
        "version": declared.version,
        "key": declared.key,
        "external": declared.external,
        "reads": list(declared.readable_versions),
    }


def message_breaks(released: Mapping[str, Json], today: Iterable[Json]) -> Iterator[Break]:
    """Yield what breaks readers and writers of released messages, which come by their path."""
    current = {document["title"]: document for document in today}
    for path, was in released.items():
        name = was["title"]
        if name not in current:
            fix = f"keep it until nobody handles it and none waits, then delete {RELEASED}/{path} to say so"
            yield Break(name, "is no longer declared", fix)
            continue
        # What breaks both who reads and who wrote is said once.
        yield from dict.fromkeys(_message_breaks(name, path, was, current[name]))


def _message_breaks(name: str, path: str, was: Json, now: Json) -> Iterator[Break]:
    old, new = was[MESSAGE], now[MESSAGE]
    if old["kind"] != new["kind"]:
        fix = "declare what it is now under a new name, and keep this one"
        yield Break(name, f"was {_ARTICLE[old['kind']]}, now {_ARTICLE[new['kind']]}", fix)
    if old["key"] != new["key"]:
        fix = "keep the key, or declare a message of a new name: old and new ones would be in no order"
        yield Break(name, f"was kept in order by {old['key']}, now by {new['key']}", fix)
    if new["version"] < old["version"]:
        yield Break(name, f"was version {old['version']}, now {new['version']}", "count upwards")
    elif new["version"] > old["version"]:
        yield from _version_breaks(name, path, old, new)
    else:
        yield from _older_version_breaks(name, path, old, new)
        yield from _payload_breaks(name, was, now)


def _version_breaks(name: str, path: str, old: Json, new: Json) -> Iterator[Break]:
    if old["version"] not in new["reads"]:
        fix = f"add to the contract: {_upcaster(name, old['version'])}"
        yield Break(name, f"is version {new['version']} and does not read version {old['version']}", fix)
    else:
        yield from _older_version_breaks(name, path, old, new)


def _older_version_breaks(name: str, path: str, old: Json, new: Json) -> Iterator[Break]:
    for version in (v for v in old["reads"] if v not in new["reads"] and v < old["version"]):
        fix = f"keep its upcaster until none waits, then take {version} out of `reads` in {RELEASED}/{path}"
        yield Break(name, f"no longer reads version {version}", fix)


def _payload_breaks(name: str, was: Json, now: Json) -> Iterator[Break]:
    """Yield what old readers of new messages stumble over, and new readers of those that wait in a stream."""
    named = was["$defs"], now["$defs"]
    written = was[MESSAGE][_WRITTEN], now[MESSAGE][_WRITTEN]
    version = was[MESSAGE]["version"]
    otherwise = f"or make it version {version + 1} with {_upcaster(name, version)}"
    for old, new, direction in (
        (written[0], written[1], Direction.RESPONSE),
        (written[0], {"$ref": now["$ref"]}, Direction.REQUEST),
    ):
        for found in schema_breaks(old, new, name, Comparison(direction, *named)):
            yield replace(found, fix=f"{found.fix}, {otherwise}")


def _upcaster(name: str, version: int) -> str:
    return f"@upcaster({name.rpartition('.')[2]}, version={version})"
