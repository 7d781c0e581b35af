"""Whether one side still reads what the other writes: breaks between two versions of a JSON Schema.

The schemas are those that `json_schema` makes, of types whose unions are told apart by JSON kind or by a tag.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from monolith.contracts.documents.breaks import Break, Direction
from monolith.contracts.documents.constraints import constraint_breaks

type Json = Mapping[str, Any]

_ANY_TEXT: Final[Json] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What stays the same all the way down."""

    direction: Direction
    old: Json  # the schemas that the released ones refer to, by name
    new: Json
    seen: set[tuple[int, int]] = field(
        default_factory=set
    )  # pairs that were compared, so that recursion ends


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the things that a schema allows; no two of a schema's are taken for each other."""

    kind: str  # of JSON: null, boolean, number, string, array, object; or map: an object with any keys
    schema: Json
    tag: tuple[str, str] | None = None  # the property that tells it from others of the kind, and its value


def schema_breaks(old: Json, new: Json, place: str, within: Comparison) -> Iterator[Break]:
    """Yield what readers stumble over when `old` becomes `new`."""
    olds, news = alternatives(old, within.old), alternatives(new, within.new)
    if within.direction is Direction.REQUEST:
        for lost in (each for each in olds if not any(_match(each, other) for other in news)):
            yield Break(place, f"no longer takes {_shown(lost)}", "take what was taken")
    else:
        for gained in (each for each in news if not any(_match(each, other) for other in olds)):
            yield Break(place, f"may be {_shown(gained)} now", "send what readers take")
    for one in olds:
        for other in news:
            if _match(one, other):
                yield from _alternative_breaks(one, other, place, within)


def alternatives(schema: Json, named: Json) -> list[Alternative]:
    """Return what a schema allows, each by itself."""
    if "$ref" in schema:
        return alternatives(named[schema["$ref"].rpartition("/")[2]], named)
    if "discriminator" in schema:
        name, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
        return [
            replace(each, tag=(name, value))
            for value, ref in mapping.items()
            for each in alternatives({"$ref": ref}, named)
        ]
    if "anyOf" in schema:
        return [each for member in schema["anyOf"] for each in alternatives(member, named)]
    if "type" not in schema and "enum" in schema:
        return _by_kind(schema["enum"])
    return [Alternative(_kind(schema), schema)]


def _by_kind(values: list[Any]) -> list[Alternative]:
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kind = "boolean" if isinstance(value, bool) else "number" if isinstance(value, int) else "string"
        kinds.setdefault(kind, []).append(value)
    return [Alternative(kind, {"enum": members}) for kind, members in kinds.items()]


def _kind(schema: Json) -> str:
    kind = str(schema.get("type", "string"))  # the names of properties come without a type
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return "map"
    return "number" if kind == "integer" else kind


def _match(one: Alternative, other: Alternative) -> bool:
    if one.kind != other.kind:
        return False
    if other.tag:
        return _is_tagged(one, other.tag)
    return _is_tagged(other, one.tag) if one.tag else True


def _is_tagged(alternative: Alternative, tag: tuple[str, str]) -> bool:
    if alternative.tag:
        return alternative.tag == tag
    schema = alternative.schema.get("properties", {}).get(tag[0], {})
    return tag[1] in (schema.get("const"), *schema.get("enum", ()))


def _alternative_breaks(
    old: Alternative, new: Alternative, place: str, within: Comparison
) -> Iterator[Break]:
    yield from constraint_breaks(old.schema, new.schema, place, within.direction)
    pair = id(old.schema), id(new.schema)
    if old.kind not in ("array", "object", "map") or pair in within.seen:
        return
    within.seen.add(pair)
    if old.kind == "array":
        yield from _item_breaks(old.schema, new.schema, place, within)
    elif old.kind == "map":
        yield from _map_breaks(old.schema, new.schema, place, within)
    else:
        yield from _field_breaks(old.schema, new.schema, place, within)


def _item_breaks(old: Json, new: Json, place: str, within: Comparison) -> Iterator[Break]:
    fixed = max(len(old.get("prefixItems", ())), len(new.get("prefixItems", ())))
    for index in range(fixed):
        one, other = _item(old, index), _item(new, index)
        if one and other:  # a difference in length is one in minItems or maxItems
            yield from schema_breaks(one, other, f"{place}[{index}]", within)
    if "items" in old and "items" in new:
        yield from schema_breaks(old["items"], new["items"], f"{place}[]", within)


def _item(schema: Json, index: int) -> Json | None:
    fixed = schema.get("prefixItems", ())
    return fixed[index] if index < len(fixed) else schema.get("items")


def _map_breaks(old: Json, new: Json, place: str, within: Comparison) -> Iterator[Break]:
    keys = old.get("propertyNames", _ANY_TEXT), new.get("propertyNames", _ANY_TEXT)
    yield from schema_breaks(*keys, f"{place} (keys)", within)
    yield from schema_breaks(
        old["additionalProperties"], new["additionalProperties"], f"{place}[key]", within
    )


def _field_breaks(old: Json, new: Json, place: str, within: Comparison) -> Iterator[Break]:
    olds, news = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in olds:
        here = f"{place}.{name}"
        if name not in news:
            yield Break(here, "is gone", "keep it, under its name")
            continue
        yield from schema_breaks(olds[name], news[name], here, within)
        if within.direction is Direction.RESPONSE and name in was_required - is_required:
            yield Break(here, "may be left out now", "always send it")
        if within.direction is Direction.REQUEST and name not in was_required:
            yield from _omission_breaks(olds[name], news[name], here, required=name in is_required)
    if within.direction is Direction.REQUEST:
        for name in sorted(is_required - olds.keys()):
            yield Break(f"{place}.{name}", "is new and required", "give it a default")


def _omission_breaks(old: Json, new: Json, place: str, *, required: bool) -> Iterator[Break]:
    """Yield what becomes of callers that leave a field out."""
    if required:
        yield Break(place, "is required now", "give it a default")
    elif "default" in old and not ("default" in new and _means_the_same(old["default"], new["default"])):
        now = json.dumps(new["default"]) if "default" in new else "none"
        yield Break(place, f"had the default {json.dumps(old['default'])}, now {now}", "keep the default")


def _means_the_same(old: Any, new: Any) -> bool:
    """Whether a default is as it was but for fields that it had not."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(name in new and _means_the_same(value, new[name]) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_means_the_same, old, new))
    return bool(json.dumps(old) == json.dumps(new))


def _shown(alternative: Alternative) -> str:
    if alternative.tag:
        return f"an object with {alternative.tag[0]} {json.dumps(alternative.tag[1])}"
    if alternative.kind == "object" and "title" in alternative.schema:
        return f"an object ({alternative.schema['title']})"
    article = "an" if alternative.kind[0] in "ao" else "a"
    return "null" if alternative.kind == "null" else f"{article} {alternative.kind}"
