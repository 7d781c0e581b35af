"""All messages as one AsyncAPI document: valid, and true of what crosses."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import Field, TypeAdapter

from monolith.contracts import Command, Schema
from monolith.contracts.documents.asyncapi import asyncapi_document, draft_07
from monolith.contracts.documents.json_schema import ContractJsonSchema
from monolith.contracts.message_registry import message_types
from monolith.contracts.messages import Message
from monolith.contracts.schema import adapter
from monolith.events.brokers.nats_streams import Names
from monolith.events.envelope import Envelope
from tests.monolith.contract_types import Topic, Tree, typed_values
from tests.monolith.made_messages import message

# The official JSON Schemas of AsyncAPI, of which no Python package has a copy.
SPECS: Final = "@asyncapi/specs@6.11.1"
SPECS_SHA512: Final = (
    "A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ=="
)


class Bow(Schema):
    """Moored by the bow."""

    by: Literal["bow"]


class Stern(Schema):
    """Moored by the stern."""

    by: Literal["stern"]
    lines: tuple[int, str] = (2, "hemp")


MOORED = message(
    {
        "mmsi": int,
        "at": Annotated[Bow | Stern, Field(discriminator="by", description="How.")],
        "discriminator": (dict[date, list[Topic]], {}),
        "path": (tuple[int, str] | None, None),
        "tree": (Tree | None, None),
    }
)
LOOK = message({"mmsi": UUID}, base=Command, name="Look", version=3, reads=(2,), external=True)
HANDLED = {"home": ["ships.Moored"], "ships": ["ships.Look"], "hikes": ["ships.Moored"], "stars": list[str]()}


def made() -> dict[str, Any]:
    return asyncapi_document([MOORED, LOOK], HANDLED)


def envelope(sent: Message, **more: Any) -> Envelope:
    declared = sent.message_type
    return Envelope(
        id=UUID(int=7),
        type=declared.name,
        version=declared.version,
        key=sent.partition_key,
        occurred_at=datetime.now(UTC),
        correlation_id="c",
        producer="ships",
        environment="test",
        payload=sent.model_dump(mode="json"),
        **({"tenant": "", "causation_id": ""} | more),
    )


FULL: Final[dict[str, Any]] = {
    "tenant": "acme",
    "causation_id": "b",
    "trace": {"traceparent": "00-1-2-01", "tracestate": "x=1"},
}
SENT = MOORED(mmsi=244, at=Stern(by="stern"), path=(1, "a"), tree=Tree(weight=1.0, kids=(Tree(weight=0.0),)))


def fits(document: dict[str, Any], key: str, body: str) -> bool:
    schema = {**document["components"]["messages"][key]["payload"], "components": document["components"]}
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True).is_valid(json.loads(body))


@pytest.mark.parametrize("more", [{}, FULL])
def test_what_crosses_is_what_the_document_says(more: dict[str, Any]) -> None:
    body = envelope(SENT, **more).to_json()

    assert fits(made(), "ships.Moored.v1", body)
    for wrong in (
        {"type": "ships.Look"},
        {"dataversion": 2},
        {"specversion": "2.0"},
        {"time": "now"},
        {"data": {"mmsi": 244}},
        {"data": json.loads(body)["data"] | {"at": {"by": "stern", "lines": ["hemp", 2]}}},
        {"data": json.loads(body)["data"] | {"at": {"by": "rope"}}},
    ):
        assert not fits(made(), "ships.Moored.v1", json.dumps(json.loads(body) | wrong)), wrong


def test_the_envelope_is_described_with_all_that_it_has_and_no_more() -> None:
    described = made()["components"]["schemas"]["cloudevent"]
    least, most = (set(json.loads(envelope(SENT, **more).to_json())) for more in ({}, FULL))

    assert set(described["required"]) == least
    assert set(described["properties"]) == most


def test_channels_are_subjects_and_say_what_keeps_messages_in_order() -> None:
    channel = made()["channels"]["ships.Moored"]

    assert channel["address"].format(environment="test") == Names("test").subject("ships.Moored")
    assert channel["x-partition-key"] == ["tenant", "mmsi"]
    assert channel["messages"] == {"v1": {"$ref": "#/components/messages/ships.Moored.v1"}}


def test_operations_say_who_sends_an_event_and_who_handles_what() -> None:
    operations = made()["operations"]

    assert {name: (each["action"], each["tags"][0]["name"]) for name, each in operations.items()} == {
        "ships.receives.ships.Look": ("receive", "ships"),
        "ships.sends.ships.Moored": ("send", "ships"),
        "hikes.receives.ships.Moored": ("receive", "hikes"),
        "home.receives.ships.Moored": ("receive", "home"),
    }
    assert made()["components"]["messages"]["ships.Look.v3"]["x-message"] == {
        "kind": "command",
        "version": 3,
        "key": "mmsi",
        "external": True,
        "reads": [2, 3],
    }


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for member in value:
            yield from references(member)
    if isinstance(value, dict):
        for word, inner in value.items():
            if word == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)


def test_every_reference_leads_to_something() -> None:
    document = made()

    found = set(references(document))
    assert len(found) > 10
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_schemas_of_one_name_in_two_contracts_are_kept_apart() -> None:
    one = message({"mmsi": int, "bow": Bow})
    other = message({"mmsi": int}, name="Bow")

    schemas = asyncapi_document([one, other], {})["components"]["schemas"]

    assert len(schemas) == 4
    assert sum("by" in schema.get("properties", {}) for schema in schemas.values()) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(typed_values())
def test_schemas_say_the_same_in_the_words_of_draft_7(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    written = json.loads(adapter("value", annotation).dump_json(value))
    schema = draft_07_of(annotation)

    assert jsonschema_rs.Draft7Validator(schema).is_valid(written)


def draft_07_of(annotation: Any) -> dict[str, Any]:
    schema = TypeAdapter(annotation).json_schema(mode="serialization", schema_generator=ContractJsonSchema)
    named = {name: draft_07(each) for name, each in schema.pop("$defs", {}).items()}
    return {"$defs": named, "allOf": [draft_07(schema)]}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> "jsonschema_rs.Draft7Validator":
    folder = tmp_path_factory.mktemp("asyncapi")
    npm = shutil.which("npm")
    assert npm, (
        "the official schema of AsyncAPI comes from npm; install Node.js, or leave this test out by -k"
    )
    command = [npm, "pack", "--silent", SPECS, "--pack-destination", str(folder)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    [archive] = folder.glob("*.tgz")
    assert base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() == SPECS_SHA512
    with tarfile.open(archive) as files:
        member = files.extractfile("package/schemas/3.0.0-without-$id.json")
        assert member
        return jsonschema_rs.Draft7Validator(json.loads(member.read()))


@pytest.mark.slow
def test_the_document_is_asyncapi(official: "jsonschema_rs.Draft7Validator") -> None:
    assert [error.message for error in official.iter_errors(made())] == []

    root = Path(__file__).parents[2] / "docs/reference/contracts/asyncapi.json"
    if message_types():
        assert [error.message for error in official.iter_errors(json.loads(root.read_text()))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("operations/ships.sends.ships.Moored", {"action": "publish"}),
        ("channels/ships.Moored", {"subject": "x"}),
        ("components/schemas/Bow", {"required": "by"}),
        ("info", {"version": 1}),
    ],
)
def test_what_is_no_asyncapi_is_found(
    official: "jsonschema_rs.Draft7Validator", place: str, wrong: dict[str, Any]
) -> None:
    document = made()
    broken: Any = document
    for part in place.split("/"):
        broken = broken[part]
    broken.update(wrong)

    assert not official.is_valid(document)
