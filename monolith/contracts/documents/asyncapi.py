"""All messages as one AsyncAPI 3.0 document: what crosses by the broker, who sends it and who handles it."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from monolith.contracts.documents.json_schema import ContractJsonSchema
from monolith.contracts.documents.messages import MESSAGE, message_options
from monolith.contracts.messages import Message, MessageKind

type Json = dict[str, Any]

_ENVELOPE: Final = "cloudevent"
_CONTENT_TYPE: Final = "application/cloudevents+json"
_ENVIRONMENT: Final = "environment"
_SCHEMAS: Final = "#/components/schemas/"
_NESTED: Final = frozenset(
    {"additionalProperties", "allOf", "anyOf", "items", "oneOf", "prefixItems", "propertyNames"}
)
_DESCRIPTION: Final = (
    "Each message is a CloudEvent in JSON, whose data is described here. NATS carries it on the subject that is its "
    "channel's address; with the broker that is PostgreSQL alone there are no subjects. Messages with the same "
    "partitionkey are handled in their order, by each module that receives them. Any module may send a command."
)


def asyncapi_document(messages: Iterable[type[Message]], handled: Mapping[str, Iterable[str]]) -> Json:
    """Describe these messages; `handled` are the names of the types that each module subscribes to."""
    found = sorted(messages, key=_name)
    written, named = TypeAdapter.json_schemas(
        [(_name(message), "serialization", TypeAdapter(message)) for message in found],
        schema_generator=ContractJsonSchema,
        ref_template=_SCHEMAS + "{model}",
    )
    schemas = {name: draft_07(schema) for name, schema in sorted(named.get("$defs", {}).items())}
    payloads = {name: schema for (name, _), schema in written.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Messages between modules", "version": "1", "description": _DESCRIPTION},
        "defaultContentType": _CONTENT_TYPE,
        "channels": {_name(message): _channel(message) for message in found},
        "operations": dict(_operations(found, handled)),
        "components": {
            "messages": {_key(message): _message(message, payloads[_name(message)]) for message in found},
            "schemas": {_ENVELOPE: _envelope(), **schemas},
            "parameters": {
                _ENVIRONMENT: {"description": "MONOLITH_ENVIRONMENT, which keeps deployments apart."}
            },
        },
    }


def _name(message: type[Message]) -> str:
    return message.message_type.name


def _key(message: type[Message]) -> str:
    return f"{_name(message)}.v{message.message_type.version}"


def _version(message: type[Message]) -> str:
    return f"v{message.message_type.version}"


def _channel(message: type[Message]) -> Json:
    return {
        "address": f"monolith.{{{_ENVIRONMENT}}}.{_name(message)}",
        "summary": _summary(message),
        "messages": {_version(message): {"$ref": f"#/components/messages/{_key(message)}"}},
        "parameters": {_ENVIRONMENT: {"$ref": f"#/components/parameters/{_ENVIRONMENT}"}},
        "x-partition-key": ["tenant", message.message_type.key],
    }


def _operations(
    found: Iterable[type[Message]], handled: Mapping[str, Iterable[str]]
) -> Iterator[tuple[str, Json]]:
    for message in found:
        owner, name = message.message_type.module, _name(message)
        if message.message_type.kind is MessageKind.EVENT:
            yield f"{owner}.sends.{name}", _operation("send", owner, message)
        for module in sorted(module for module, names in handled.items() if name in names):
            yield f"{module}.receives.{name}", _operation("receive", module, message)


def _operation(action: str, module: str, message: type[Message]) -> Json:
    channel = f"#/channels/{_name(message)}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "tags": [{"name": module}],
        "messages": [{"$ref": f"{channel}/messages/{_version(message)}"}],
    }


def _message(message: type[Message], payload: Json) -> Json:
    declared = message.message_type
    own = {
        "type": {"const": declared.name},
        "dataversion": {"const": declared.version},
        "data": payload,
    }
    return {
        "name": declared.name,
        "title": message.__name__,
        "summary": _summary(message),
        "description": inspect.cleandoc(message.__doc__ or ""),
        "contentType": _CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "headers": {
            "type": "object",
            "properties": {
                "Nats-Msg-Id": _text("By NATS: the id, by which the server takes a message once.")
            },
        },
        "payload": {
            "allOf": [{"$ref": _SCHEMAS + _ENVELOPE}, {"type": "object", "properties": own}],
        },
        MESSAGE: message_options(message),
    }


def _summary(message: type[Message]) -> str:
    return inspect.cleandoc(message.__doc__ or "").partition("\n")[0]


def _envelope() -> Json:
    required = {
        "specversion": {"const": "1.0"},
        "id": _text("A UUID of version 7.", format="uuid"),
        "source": _text("/<environment>/<the module that published it>", format="uri-reference"),
        "type": _text("The message's type."),
        "time": _text("When it was published.", format="date-time"),
        "datacontenttype": {"const": "application/json"},
        "subject": _text("The value of the field that is the key."),
        "partitionkey": _text("<tenant>:<subject>"),
        "dataversion": {"type": "integer", "minimum": 1, "description": "The version of the type."},
        "correlationid": _text("What all of this belongs to; passes unchanged."),
        "data": {"type": "object"},
    }
    optional = {
        "tenant": _text("On whose behalf; left out where there is none."),
        "causationid": _text("The id of the message because of which this one was published."),
        "traceparent": _text("W3C trace context."),
        "tracestate": _text("W3C trace context."),
    }
    return {
        "type": "object",
        "description": "CloudEvents 1.0.2, structured mode.",
        "properties": {**required, **optional},
        "required": list(required),
    }


def _text(description: str, **more: str) -> Json:
    return {"type": "string", **more, "description": description}


def draft_07(schema: Any) -> Any:
    """Return a schema in the words of AsyncAPI's own, which are those of JSON Schema draft 7."""
    if isinstance(schema, list):
        return [draft_07(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    words = {word: draft_07(value) if word in _NESTED else value for word, value in schema.items()}
    if "properties" in words:
        words["properties"] = {name: draft_07(value) for name, value in words["properties"].items()}
    words.pop("discriminator", None)  # which is another thing in AsyncAPI; the tags say it too
    if "prefixItems" in words:
        words["items"] = words.pop("prefixItems")
    if "$ref" in words and len(words) > 1:  # beside which draft 7 reads nothing
        words["allOf"] = [{"$ref": words.pop("$ref")}]
    return words
