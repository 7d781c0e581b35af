"""Events and commands as contracts declare them: options, keys, versions, and what is refused."""

import enum
import importlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import new_class
from typing import Annotated, Any, Literal, NewType
from uuid import UUID, uuid4

import pytest
from pydantic import Field, ValidationError, computed_field, field_validator

from monolith import CompositionError, Tier
from monolith.contracts import Command, Event, MessageUnreadable, OpenEnum, Schema, UtcDatetime, upcaster
from monolith.contracts.message_registry import messages_of, messages_problems
from monolith.contracts.message_rules import message_problems
from monolith.contracts.messages import Message, MessageKind
from monolith.contracts.registry import contract_problems, promises_of
from monolith.module import Module

HERE = __name__
Slug = Annotated[str, Field(max_length=80)]
type Name = Annotated[str, Field(min_length=1)]
VesselId = NewType("VesselId", int)


class Flag(OpenEnum):
    """Where a vessel is from."""

    NL = "nl"


class Berth(Schema):
    """Where a vessel lies."""

    harbour: str
    number: int = 1


class VesselMoored(Event, key="mmsi", version=3, external=True):
    """A vessel lies at a berth."""

    mmsi: int
    berth: Berth
    moored_at: UtcDatetime


@upcaster(VesselMoored, version=2)
def _with_a_time(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"moored_at": "2026-01-01T00:00:00Z"}


@upcaster(VesselMoored, version=1)
def _with_a_berth(payload: dict[str, Any]) -> dict[str, Any]:
    payload["berth"] = {"harbour": payload.pop("harbour")}
    return payload


class MoorVessel(Command, key="vessel"):
    """Moor a vessel."""

    vessel: UUID
    kind: Literal["bow", "stern"] = "bow"


MOORED = {"mmsi": 1, "berth": {"harbour": "Vlissingen"}, "moored_at": "2026-03-01T10:00:00+01:00"}


# What a declaration says.


def test_a_declaration_says_what_a_message_is() -> None:
    declared = VesselMoored.message_type

    assert declared.name == "test_contract_messages.VesselMoored"
    assert declared.module == "test_contract_messages"
    assert (declared.kind, declared.version, declared.key) == (MessageKind.EVENT, 3, "mmsi")
    assert declared.external
    assert declared.schema is VesselMoored
    assert list(message_problems(VesselMoored)) == []
    assert {declared: 1}[VesselMoored.message_type] == 1


def test_options_have_defaults_and_a_field_may_be_called_kind() -> None:
    declared = MoorVessel.message_type

    assert (declared.kind, declared.version, declared.external) == (MessageKind.COMMAND, 1, False)
    assert MoorVessel(vessel=uuid4()).kind == "bow"
    assert list(message_problems(MoorVessel)) == []


def test_a_message_is_frozen_plain_data_that_tells_its_key() -> None:
    vessel = uuid4()
    message = MoorVessel(vessel=vessel)

    assert message.partition_key == str(vessel)
    with pytest.raises(ValidationError, match="frozen"):
        message.kind = "stern"  # type: ignore[misc]


# Which versions are read.


def test_the_present_version_is_read_strictly_and_more_fields_are_left_out() -> None:
    message = VesselMoored.message_type.read(MOORED | {"pilot": "new"}, 3)

    assert isinstance(message, VesselMoored)
    assert message.berth == Berth(harbour="Vlissingen")
    assert message.moored_at.isoformat() == "2026-03-01T09:00:00+00:00"
    with pytest.raises(MessageUnreadable, match="mmsi"):
        VesselMoored.message_type.read(MOORED | {"mmsi": "1"}, 3)


def test_old_versions_become_the_present_one_by_a_chain_of_upcasters() -> None:
    declared = VesselMoored.message_type

    assert declared.readable_versions == (1, 2, 3)
    assert declared.read({"mmsi": 1, "berth": {"harbour": "Breskens"}}, 2).partition_key == "1"
    assert declared.read({"mmsi": 1, "harbour": "Breskens"}, 1) == VesselMoored(
        mmsi=1, berth=Berth(harbour="Breskens"), moored_at=datetime.fromisoformat("2026-01-01T00:00:00Z")
    )


def test_a_payload_is_as_before_when_it_was_read_so_that_it_can_be_read_again() -> None:
    payload = {"mmsi": 1, "harbour": "Breskens"}

    first = VesselMoored.message_type.read(payload, 1)

    assert payload == {"mmsi": 1, "harbour": "Breskens"}
    assert VesselMoored.message_type.read(payload, 1) == first


@pytest.mark.parametrize("version", [0, 4])
def test_a_version_that_no_upcaster_leads_from_is_refused_with_what_to_do(version: int) -> None:
    with pytest.raises(MessageUnreadable) as refused:
        VesselMoored.message_type.read(MOORED, version)

    assert str(refused.value) == (
        f"test_contract_messages.VesselMoored came in version {version}, and this process reads 1, 2, 3; add an "
        f"upcaster from version {version} to the contract, or deploy the code that knows it, then replay"
    )


def test_a_gap_in_the_chain_ends_it() -> None:
    class Chained(Event, key="mmsi", version=4):
        """It happened."""

        mmsi: int

    for version in (1, 3):
        upcaster(Chained, version=version)(lambda payload: payload)

    assert Chained.message_type.readable_versions == (3, 4)
    assert any("none from version 2" in problem for problem in message_problems(Chained))


def test_an_upcaster_that_fails_makes_the_message_unreadable_and_says_why() -> None:
    with pytest.raises(MessageUnreadable, match="from version 1 raised KeyError: 'harbour'"):
        VesselMoored.message_type.read({"mmsi": 1}, 1)


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (None, "returned NoneType, and a payload is a dict"),
        ({"mmsi": 1, "at": datetime(2026, 1, 1)}, "not JSON serializable"),  # noqa: DTZ001
        ({"mmsi": "one"}, "mmsi: Input should be a valid integer"),
    ],
)
def test_an_upcaster_that_returns_something_else_makes_the_message_unreadable(
    returned: Any, reason: str
) -> None:
    class Seen(Event, key="mmsi", version=2):
        """It was seen."""

        mmsi: int

    upcaster(Seen, version=1)(lambda _: returned)

    with pytest.raises(MessageUnreadable, match=reason):
        Seen.message_type.read({}, 1)


def test_what_is_said_about_an_unreadable_message_does_not_repeat_its_values() -> None:
    with pytest.raises(MessageUnreadable) as refused:
        VesselMoored.message_type.read(MOORED | {"mmsi": "secret"}, 3)

    assert str(refused.value) == (
        "test_contract_messages.VesselMoored does not fit version 3 of its schema: "
        "mmsi: Input should be a valid integer"
    )
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_two_upcasters_from_one_version_are_refused() -> None:
    def other(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    with pytest.raises(ValueError, match="two upcasters from version 1, _with_a_berth and other; keep one"):
        upcaster(VesselMoored, version=1)(other)

    assert VesselMoored.message_type.upcasters[1] is _with_a_berth


# What is refused.


def made(annotations: dict[str, Any], body: dict[str, Any], **options: Any) -> type[Event]:
    """Return an event `Seen` of this file."""
    namespace = {"__module__": HERE, "__qualname__": "Seen", "__annotations__": annotations, **body}
    return new_class("Seen", (Event,), options, lambda made: made.update(namespace))


def event(annotation: Any = int, *, doc: str | None = "It was seen.", **options: Any) -> type[Event]:
    """Return an event with one field, `mmsi`."""
    return made({"mmsi": annotation}, {"__doc__": doc}, **({"key": "mmsi"} | options))


@pytest.mark.parametrize(
    "annotation", [int, str, UUID, Slug, Name, VesselId, Flag, enum.StrEnum("Side", "PORT")]
)
def test_what_may_be_a_key(annotation: Any) -> None:
    assert list(message_problems(event(annotation))) == []


@pytest.mark.parametrize("annotation", [bool, float, UtcDatetime, str | None, list[str], Berth, Literal["a"]])
def test_what_may_not_be_a_key(annotation: Any) -> None:
    assert list(message_problems(event(annotation))) == [
        f"{HERE}.Seen.mmsi is its key; make it a str, int or UUID without a default"
    ]


def _async() -> Callable[[Any], Any]:
    async def later(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    return later


def with_upcaster(version: int, function: Callable[..., Any], *, of: int = 2) -> type[Event]:
    seen = event(version=of)
    upcaster(seen, version=version)(function)
    return seen


def same(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


REFUSED: dict[str, tuple[type[Message], str]] = {
    "no key": (event(key=""), "Seen has no key; name one by key=…: mmsi"),
    "a key that is no field": (
        event(key="imo"),
        "Seen has the key 'imo', which is no field of it; name one by key=…: mmsi",
    ),
    "no field": (
        made({}, {"__doc__": "It."}),
        "Seen has no key; name one by key=…: none, give it one",
    ),
    "a key with a default": (
        made({"mmsi": int}, {"mmsi": 1, "__doc__": "It."}, key="mmsi"),
        "Seen.mmsi is its key; make it a str, int or UUID without a default",
    ),
    "no docstring": (event(doc=None), "Seen has no docstring; say in one sentence what it tells"),
    "version 0": (event(version=0), "Seen has version 0; versions count from 1"),
    "version '2'": (event(version="2"), "Seen has version '2'; versions count from 1"),
    "an upcaster from the present version": (
        with_upcaster(2, same),
        "Seen has an upcaster from version 2, and is version 2; an upcaster takes an older one",
    ),
    "an upcaster from nothing": (
        with_upcaster(0, same),
        "Seen has an upcaster from version 0, and is version 2; an upcaster takes an older one",
    ),
    "an upcaster that leads nowhere": (
        with_upcaster(1, same, of=3),
        "version 1 and none from version 2, so that neither is read; write the one that is missing",
    ),
    "an async upcaster": (
        with_upcaster(1, _async()),
        "_async.<locals>.later is async; write it with def",
    ),
    "an upcaster of two": (
        with_upcaster(1, lambda payload, more: payload | more),
        "<lambda> takes 2 parameters; an upcaster takes the payload, and returns the newer one",
    ),
    "an upcaster from elsewhere": (
        with_upcaster(1, importlib.import_module),
        f"is an upcaster of test_contract_messages.Seen outside its contract; move it to {HERE}",
    ),
}


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_options_that_will_not_do_are_refused_with_place_and_fix(case: str) -> None:
    message, problem = REFUSED[case]

    found = list(message_problems(message))

    assert any(each.endswith(problem) for each in found), found


def test_a_field_that_hides_what_messages_use_is_refused() -> None:
    with pytest.warns(UserWarning, match="shadows"):
        hiding = made({"mmsi": int, "partition_key": str}, {"__doc__": "It."}, key="mmsi")

    assert next(message_problems(hiding)) == (
        f"{HERE}.Seen.partition_key is a name that messages use themselves; call it something else"
    )


class Handler(Schema):
    """Holds what does not cross."""

    run: Callable[[int], str]


class Compute(Event, key="mmsi"):
    """Something was computed."""

    mmsi: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.mmsi


class Checked(Event, key="mmsi"):
    """Something was checked."""

    mmsi: int

    @field_validator("mmsi")
    @classmethod
    def small(cls, value: int) -> int:
        return value


class Lax(Event, key="mmsi", strict=False):
    """Something was let through."""

    mmsi: int


class Page[T](Event, key="mmsi"):
    """Something of some type."""

    mmsi: int
    item: T


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (
            event(datetime),
            "Seen.mmsi is datetime.datetime, which is not plain data; use monolith.contracts.UtcDatetime",
        ),
        (event(set[int]), "Seen.mmsi is set[int], which is not plain data; use list"),
        (event(Any), "Seen.mmsi is Any, which is not plain data; say which type it is"),
        (event(Handler), "Handler.run is collections.abc.Callable[[int], str], which is not plain data"),
        (event(int | str | float), "both are read from a JSON number; keep one of them"),
        (event(Annotated[int, Field(alias="MMSI")]), "Seen.mmsi has an alias; call it by one name"),
        (Compute, "whose double may make a value and its JSON differ"),
        (Checked, "whose small may make a value and its JSON differ"),
        (Lax, "whose model_config changes strict; leave it as Schema has it"),
        (Page, "without its parameters; say what is in it"),
    ],
    ids=[
        "datetime",
        "set",
        "any",
        "nested",
        "union",
        "alias",
        "computed",
        "validated",
        "configured",
        "generic",
    ],
)
def test_types_are_refused_as_they_are_for_operations(message: type[Message], problem: str) -> None:
    found = list(message_problems(message))

    assert any(problem in each for each in found), found


# Which messages a module has.

ONE = '''\
"""A contract of messages alone."""

from monolith.contracts import Command, Event


class Seen(Event, key="mmsi"):
    """A vessel was seen."""

    mmsi: int


class Look(Command, key="mmsi"):
    """Look for a vessel."""

    mmsi: int


Sighted = Seen
'''
WITH_INTERFACE = '''\
"""A contract with an Interface, which shows an event of the older file."""

from typing import Protocol

from {package}.boats import Seen
from monolith.contracts import Event, Interface


class Boats(Interface, Protocol):
    """Boats."""

    def count(self) -> int:
        """Count them."""
        ...


class Sunk(Event, key="name"):
    """A boat sank."""

    name: str
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """An importable package for contracts, of a name of its own."""
    folder = tmp_path / f"promised_{abs(hash(request.node.nodeid))}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def boats(package: Path, *files: str, name: str = "boats") -> Module:
    for version, text in enumerate(files, 1):
        suffix = "" if version == 1 else f"_v{version}"
        (package / f"boats{suffix}.py").write_text(text.replace("{package}", package.name))
    importlib.invalidate_caches()
    return Module(name=name, tier=Tier.PRIVATE, contract=f"{package.name}.boats")


def test_a_contract_may_consist_of_messages_alone(package: Path) -> None:
    module = boats(package, ONE)

    assert [message.message_type.name for message in messages_of(module)] == ["boats.Seen", "boats.Look"]
    assert promises_of(module) == []
    assert list(contract_problems({"boats": module})) == []


def test_a_contract_without_messages_and_without_an_interface_promises_nothing(package: Path) -> None:
    module = boats(package, '"""Nothing."""\n')

    with pytest.raises(CompositionError, match="declares 0 Interfaces"):
        promises_of(module)


def test_messages_of_all_versions_of_a_contract_are_the_modules(package: Path) -> None:
    module = boats(package, ONE, WITH_INTERFACE)

    assert [message.message_type.name for message in messages_of(module)] == [
        "boats.Seen",
        "boats.Look",
        "boats.Sunk",
    ]
    assert [promise.version for promise in promises_of(module)] == [2]
    assert list(messages_problems(module)) == []


def test_a_message_in_two_versions_of_a_contract_is_refused(package: Path) -> None:
    module = boats(package, ONE, ONE)

    assert [problem for _, problem in messages_problems(module)] == [
        f"{package.name}.boats_v2.{name} is in {package.name}.boats too; keep one: a message changes by its version="
        for name in ("Seen", "Look")
    ]
    assert set(contract_problems({"boats": module})) == {problem for _, problem in messages_problems(module)}


def test_a_message_in_a_contract_that_is_called_otherwise_than_its_module_is_refused(package: Path) -> None:
    module = boats(package, ONE, name="yachts")

    [(message, problem), *_] = messages_problems(module)

    assert message.__name__ == "Seen"
    assert problem == (
        f"{package.name}.boats.Seen would be a message of 'boats', and is one of 'yachts'; name the contract's file "
        "after its module"
    )
