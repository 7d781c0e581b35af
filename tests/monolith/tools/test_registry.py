"""Which tools there are, what they say of themselves, and what is wrong with how some are declared."""

import pytest
from jsonschema_rs import Draft202012Validator, meta

from monolith.contracts import Schema
from monolith.contracts.errors import InvalidCall, InvalidResult
from monolith.tools import Tag, tool
from monolith.tools.progress import Progress
from monolith.tools.registry import tool_problems, tools, tools_of
from monolith.tools.scopes import scope_problems
from tests.monolith.tools.offered_tools import Declare


class Hut(Schema):
    name: str
    beds: int = 0


def test_every_tool_of_the_application_describes_itself() -> None:
    found = tools()
    assert {"knowledge_search_notes", "stars_find_sites", "monolith_list_modules"} <= found.keys()
    for each in found.values():
        for schema in (each.input_schema, each.output_schema):
            meta.validate(schema)
            assert schema["type"] == "object"
            assert "$ref" not in schema
        assert each.input_schema["additionalProperties"] is False
    assert "PostgreSQL" not in found["stars_find_sites"].description
    assert "It reads and changes nothing." in found["stars_find_sites"].description
    assert "NoteNotFound" in found["knowledge_get_note"].description
    assert found["knowledge_ingest_raw"].tag is Tag.PROPOSE
    assert found["scheduler_run_now"].tag is Tag.EXECUTE
    assert "idempotency_key" in found["knowledge_ingest_raw"].description
    assert "confirmed" in found["monolith_replay_dead_letter"].description


def test_a_function_becomes_a_tool(declare: Declare) -> None:
    @tool(tag=Tag.READ, cost=5, from_users=False)
    def find_huts(*, near: str, limit: int = 10, progress: Progress) -> list[Hut]:
        """Find huts."""
        progress.report(1, of=1)
        return [Hut(name=near)][:limit]

    (found,) = tools_of(declare(find_huts))

    assert (found.name, found.scope, found.progress) == ("huts_find_huts", "read:huts", "progress")
    assert list(found.input_schema["properties"]) == ["near", "limit"]
    assert found.read_arguments({"near": "x"}) == {"near": "x"}
    assert found.write_result([Hut(name="x")]) == {"result": [{"name": "x", "beds": 0}]}
    Draft202012Validator(found.output_schema).validate(found.write_result([Hut(name="x")]))
    for wrong in (
        {},
        {"near": 1},
        {"near": "x", "limit": "10"},
        {"near": "x", "tenant": "y"},
        {"near": "\ud800"},
    ):
        with pytest.raises(InvalidCall):
            found.read_arguments(wrong)
    with pytest.raises(InvalidResult):
        found.write_result(["x"])


def test_what_is_wrong_is_said_with_its_place_and_the_fix(declare: Declare) -> None:
    @tool(tag=Tag.READ)
    def huts(*, name: str) -> Hut:
        """Find one."""
        return Hut(name=name)

    @tool(tag=Tag.READ)
    def find_huts(*, tenant_id: str, user: str) -> list[Hut]:
        """Find some."""
        return [Hut(name=tenant_id + user)]

    @tool()
    def close_hut(name: str) -> object:
        return name

    @tool("close_hut", tag=Tag.EXECUTE)
    def shut_hut(*, name: str) -> None:
        """Close one."""

    problems = list(tool_problems(declare(huts, find_huts, close_hut, shut_hut)))

    assert all("; " in problem for problem in problems)
    for part in (
        "'huts_huts'; name it by a verb and a noun",
        "find_huts(tenant_id) lets an agent say who it is",
        "find_huts(user) lets an agent say who it is",
        "close_hut(name) is not keyword-only",
        "close_hut has no docstring",
        "close_hut does not say what it may do",
        "shut_hut is the tool huts_close_hut, and so is",
    ):
        assert any(part in problem for problem in problems), part


def test_scopes_that_are_none_are_named() -> None:
    assert list(scope_problems(["read:huts", "read:*", "execute:monolith"], ["huts"])) == []
    assert len(list(scope_problems(["read", "sing:huts", "read:hut"], ["huts"]))) == 3
