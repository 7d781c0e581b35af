"""Contracts as OpenAPI and JSON Schema: valid, and true of what is sent."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pydantic import Field, TypeAdapter

from monolith.contracts import (
    CallerRefused,
    ContractError,
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidCall,
    InvalidResult,
    ProviderFailure,
    Schema,
)
from monolith.contracts.contract import Contract, contract_of
from monolith.contracts.documents.files import contract_files, schema_document, schemas_of
from monolith.contracts.documents.json_schema import ContractJsonSchema
from monolith.contracts.documents.openapi import openapi_document
from monolith.contracts.registry import contracts
from monolith.contracts.schema import adapter
from monolith.contracts.wire import write_error
from tests.monolith.contract_types import Colour, Topic, typed_values
from tests.monolith.promised.ships import Ships, VesselUnknown

SHIPS = contract_of(Ships)


def every_contract() -> list[Contract]:
    return [SHIPS, *(contract for versions in contracts().values() for contract in versions)]


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


def answers(document: dict[str, Any], path: str, status: int) -> dict[str, Any]:
    """Return the schema of an operation's answers of one status."""
    [content] = document["paths"][path]["post"]["responses"][str(status)]["content"].values()
    return {**content["schema"], "components": document["components"]}


def test_documents_are_openapi() -> None:
    for contract in every_contract():
        schemathesis.openapi.from_dict(openapi_document(contract)).validate()


def test_what_is_no_openapi_is_found() -> None:
    document = openapi_document(SHIPS)
    del document["paths"]["/contracts/ships/get"]["post"]["responses"]["200"]["description"]

    with pytest.raises(jsonschema_rs.ValidationError, match="description"):
        schemathesis.openapi.from_dict(document).validate()


def test_schemas_are_json_schema() -> None:
    for contract in every_contract():
        jsonschema_rs.meta.validate({"$defs": openapi_document(contract)["components"]["schemas"]})
        for schema in schemas_of(contract):
            jsonschema_rs.meta.validate(schema_document(schema))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(typed_values())
def test_whatever_is_written_is_what_the_schema_says(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    written = json.loads(adapter("value", annotation).dump_json(value))
    for mode in ("validation", "serialization"):
        schema = TypeAdapter(annotation).json_schema(mode=mode, schema_generator=ContractJsonSchema)
        jsonschema_rs.meta.validate(schema)
        assert is_valid(schema, written)


def test_each_operation_is_a_post_that_says_what_it_is() -> None:
    document = openapi_document(SHIPS)

    kinds = {path: operation["post"]["x-kind"] for path, operation in document["paths"].items()}
    assert kinds["/contracts/ships/get"] == "query"
    assert kinds["/contracts/ships/rename"] == "command"
    assert kinds["/contracts/ships/allow"] == "gate"
    rename = document["paths"]["/contracts/ships/rename"]["post"]
    assert rename["operationId"] == "ships.rename"
    assert rename["summary"] == "Write a name."
    assert rename["security"] == [{"caller": []}]
    assert document["components"]["securitySchemes"]["caller"]["scheme"] == "bearer"
    assert document["components"]["parameters"]["deadline"]["name"] == "X-Contract-Deadline"


def test_a_request_takes_just_its_keywords_and_says_their_defaults() -> None:
    request = openapi_document(SHIPS)["components"]["schemas"]["get_request"]

    assert request["required"] == ["mmsi"]
    assert request["additionalProperties"] is False
    assert request["properties"]["name"] == {"type": "string", "default": "unnamed"}


def test_a_field_with_a_default_may_be_left_out_of_a_request_and_is_always_in_a_response() -> None:
    schemas = openapi_document(SHIPS)["components"]["schemas"]

    assert schemas["Vessel-Input"]["required"] == ["mmsi", "name"]
    assert schemas["Vessel-Output"]["required"] == ["mmsi", "name", "seen_at"]


FAILURES: Sequence[ContractError] = (
    VesselUnknown(mmsi=1),
    InvalidCall("ships.rename", ["mmsi: Input should be a valid integer"]),
    InvalidResult("ships.rename", ["name: Field required"]),
    IdempotencyConflict("ships.rename", "key"),
    CallerRefused("ships.rename", "no"),
    DeadlineExceeded("ships.rename", "late"),
    ProviderFailure("ships.rename", "KeyError"),
)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_each_error_is_described_as_it_is_sent(error: ContractError) -> None:
    status, body = write_error(SHIPS.operations["rename"], error)
    schema = answers(openapi_document(SHIPS), "/contracts/ships/rename", status)

    assert is_valid(schema, json.loads(body))
    assert not is_valid(schema, json.loads(body) | {"type": "about:blank"})


def test_enums_say_whether_they_may_grow() -> None:
    closed = TypeAdapter(Colour).json_schema(schema_generator=ContractJsonSchema)
    open_ = TypeAdapter(Topic).json_schema(schema_generator=ContractJsonSchema)

    assert closed["x-closed"] is True
    assert closed["enum"] == ["red", "blue"]
    assert "enum" not in open_
    assert open_["x-extensible-enum"] == ["sky", "sea"]
    assert is_valid(open_, "cave")


class Berth(Schema):
    """A place for one vessel."""

    length_m: Annotated[int, Field(gt=0)]
    """From bow to stern."""


def test_a_schemas_docstrings_describe_it() -> None:
    assert schema_document(Berth) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "A place for one vessel.",
        "properties": {
            "length_m": {"description": "From bow to stern.", "exclusiveMinimum": 0, "type": "integer"}
        },
        "required": ["length_m"],
        "title": "Berth",
        "type": "object",
    }


def test_documents_are_the_same_each_time() -> None:
    files = contract_files(every_contract())

    assert files == contract_files(every_contract())
    assert not re.search(r"0x[0-9a-f]{6}|127\.0\.0\.1|localhost", "".join(files.values()))
    assert all(text.endswith("}\n") for text in files.values())
