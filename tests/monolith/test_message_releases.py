"""What of today's messages breaks those who read or wrote the last released ones."""

import json
from collections.abc import Callable
from types import new_class
from typing import Any

import jsonschema_rs
import pytest

from monolith.contracts import Command, Schema
from monolith.contracts.documents.files import message_files, release_breaks
from monolith.contracts.documents.messages import message_document
from monolith.contracts.messages import Message
from tests.monolith.made_messages import message


class Place(Schema):
    """Where it is."""

    name: str
    depth_m: float = 0.0


class Later:
    """Schemas of the same names, as they became."""

    class Place(Schema):
        """Where it is."""

        title: str
        depth_m: float = 0.0


def breaks(old: list[type[Message]], new: list[type[Message]]) -> list[str]:
    return [str(each) for each in release_breaks(message_files(old, {}), message_files(new, {}))]


MMSI: dict[str, Any] = {"mmsi": int}
V2 = "or make it version 2 with @upcaster(Moored, version=1)"
FILE = "released/ships/messages/Moored.v1.json"
OTHER_KEY = (
    "ships.Moored was kept in order by mmsi, now by berth; keep the key, or declare a message of a new name: old and new "
    "ones would be in no order"
)
UNREAD = "ships.Moored is version {} and does not read version 1; add to the contract: @upcaster(Moored, version=1)"
UNREAD_SINCE = (
    "ships.Moored no longer reads version 1; keep its upcaster until none waits, then take 1 out of `reads` in "
    "released/ships/messages/Moored.v2.json"
)

# A message as it was and as it becomes, and what that breaks.
CHANGES: dict[str, tuple[type[Message], type[Message], list[str]]] = {
    "nothing": (message(MMSI), message(MMSI), []),
    "a field with a default more": (message(MMSI), message(MMSI | {"berth": (str, "")}), []),
    "a required field more": (
        message(MMSI),
        message(MMSI | {"berth": str}),
        [f"ships.Moored.berth is new and required; give it a default, {V2}"],
    ),
    "a field less": (
        message(MMSI | {"berth": str}),
        message(MMSI),
        [f"ships.Moored.berth is gone; keep it, under its name, {V2}"],
    ),
    "a field under another name": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"place": str}),
        [
            f"ships.Moored.berth is gone; keep it, under its name, {V2}",
            f"ships.Moored.place is new and required; give it a default, {V2}",
        ],
    ),
    "a field under another name, with a default": (
        message(MMSI | {"berth": (str, "")}),
        message(MMSI | {"place": (str, "")}),
        [f"ships.Moored.berth is gone; keep it, under its name, {V2}"],
    ),
    "a field of a Schema in it under another name": (
        message(MMSI | {"places": list[Place]}),
        message(MMSI | {"places": list[Later.Place]}),
        [
            f"ships.Moored.places[].name is gone; keep it, under its name, {V2}",
            f"ships.Moored.places[].title is new and required; give it a default, {V2}",
        ],
    ),
    "a wider type, which old readers do not take": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"berth": str | None}),
        [f"ships.Moored.berth may be null now; send what readers take, {V2}"],
    ),
    "a narrower type, which old messages have not": (
        message(MMSI | {"berth": str | None}),
        message(MMSI | {"berth": str}),
        [f"ships.Moored.berth no longer takes null; take what was taken, {V2}"],
    ),
    "another type": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"berth": int}),
        [
            f"ships.Moored.berth may be a number now; send what readers take, {V2}",
            f"ships.Moored.berth no longer takes a string; take what was taken, {V2}",
        ],
    ),
    "another default: what was sent has every field": (
        message(MMSI | {"berth": (int, 1)}),
        message(MMSI | {"berth": (int, 2)}),
        [],
    ),
    "a default less": (message(MMSI | {"berth": (int, 1)}), message(MMSI | {"berth": int}), []),
    "a default less in a Schema in it": (
        message(MMSI | {"place": Place}),
        message(
            MMSI
            | {
                "place": new_class(
                    "Place",
                    (Schema,),
                    {},
                    lambda ns: ns.update(
                        {"__module__": __name__, "__annotations__": {"name": str, "depth_m": float}}
                    ),
                )
            }
        ),
        [],
    ),
    "another key": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"berth": str}, key="berth"),
        [OTHER_KEY],
    ),
    "another key in a new version": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"berth": str}, key="berth", version=2, reads=(1,)),
        [OTHER_KEY],
    ),
    "another kind": (
        message(MMSI),
        message(MMSI, base=Command),
        [
            "ships.Moored was an event, now a command; declare what it is now under a new name, and keep this one"
        ],
    ),
    "external, or no longer": (message(MMSI), message(MMSI, external=True), []),
    "a new version without an upcaster": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"place": str}, version=2),
        [UNREAD.format(2)],
    ),
    "a new version with an upcaster": (
        message(MMSI | {"berth": str}),
        message(MMSI | {"place": str}, version=2, reads=(1,)),
        [],
    ),
    "a version after the next, with a chain": (
        message(MMSI),
        message({"mmsi": int}, version=3, reads=(1, 2)),
        [],
    ),
    "a version after the next, with a gap": (
        message(MMSI),
        message(MMSI, version=3, reads=(2,)),
        [UNREAD.format(3)],
    ),
    "a version before": (
        message(MMSI, version=2, reads=(1,)),
        message(MMSI),
        ["ships.Moored was version 2, now 1; count upwards"],
    ),
    "an upcaster less": (
        message(MMSI, version=2, reads=(1,)),
        message(MMSI, version=2),
        [UNREAD_SINCE],
    ),
    "a version more and an upcaster less": (
        message(MMSI, version=2, reads=(1,)),
        message(MMSI, version=3, reads=(2,)),
        [UNREAD_SINCE],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_old_readers_read_new_messages_and_new_readers_those_that_wait(change: str) -> None:
    old, new, expected = CHANGES[change]

    assert breaks([old], [new]) == expected


def test_a_message_less_breaks_until_it_is_taken_out_of_the_release() -> None:
    gone = (
        f"ships.Moored is no longer declared; keep it until nobody handles it and none waits, then delete {FILE} to "
        "say so"
    )

    assert breaks([message(MMSI)], [message(MMSI, name="Berthed")]) == [gone]
    assert breaks([], [message(MMSI)]) == []


def accepts(document: dict[str, Any], payload: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(document, validate_formats=True).is_valid(payload)


def test_a_document_is_the_schema_of_what_readers_take_and_says_what_is_written() -> None:
    document = message_document(
        message(MMSI | {"place": (Place | None, None)}, version=2, reads=(1,), external=True)
    )
    written = {"$ref": document["x-message"]["written"]["$ref"], "$defs": document["$defs"]}

    jsonschema_rs.meta.validate(document)
    assert document["title"] == "ships.Moored"
    assert document["description"] == "It."
    assert {key: value for key, value in document["x-message"].items() if key != "written"} == {
        "kind": "event",
        "version": 2,
        "key": "mmsi",
        "external": True,
        "reads": [1, 2],
    }
    assert accepts(document, {"mmsi": 1})
    assert not accepts(document, {"mmsi": "1"})
    assert not accepts(written, {"mmsi": 1})
    assert accepts(written, {"mmsi": 1, "place": {"name": "Veere", "depth_m": 2.5}})


def test_documents_are_one_file_for_each_message_and_the_same_each_time() -> None:
    made: Callable[[], dict[str, str]] = lambda: message_files(  # noqa: E731
        [message(MMSI), message(MMSI, name="Look", base=Command, version=3)], {"home": ["ships.Moored"]}
    )

    assert list(made()) == ["ships/messages/Moored.v1.json", "ships/messages/Look.v3.json", "asyncapi.json"]
    assert made() == made()
    assert json.loads(made()["ships/messages/Look.v3.json"])["x-message"]["kind"] == "command"
    assert message_files([], {}) == {}
