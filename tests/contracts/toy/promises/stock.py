"""A promise with every kind of type, error and operation in it."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import Field

from monolith.contracts import (
    DeclaredError,
    Interface,
    OpenEnum,
    Schema,
    UtcDatetime,
    command,
    gate,
    raises,
)
from tests.contracts.toy.promises.identity import Identity


class Colour(Enum):
    """An ordinary Enum."""

    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    """An Enum of numbers."""

    LOW = 1
    HIGH = 2


class Mood(OpenEnum):
    """An Enum that may grow."""

    CALM = "calm"


class Circle(Schema):
    """A shape."""

    kind: Literal["circle"] = "circle"
    radius: float


class Square(Schema):
    """Another shape."""

    kind: Literal["square"] = "square"
    side: float


class Node(Schema):
    """A tree of itself."""

    name: str
    children: tuple["Node", ...] = ()


type Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Everything(Schema):
    """One field of every type that may stand in a contract."""

    nothing: None
    flag: bool
    number: int
    weight: float
    text: str
    raw: bytes
    price: Decimal
    day: date
    pause: timedelta
    key: UUID
    at: UtcDatetime
    colour: Colour
    level: Level
    mood: Mood
    size: Literal["small", "large", 3]
    maybe: int | None
    either: int | str | list[int]
    shape: Shape
    tree: Node
    items: list[Circle]
    pair: tuple[int, str]
    many: tuple[UUID, ...]
    by_name: dict[str, Square]
    by_number: dict[int, str]
    by_day: dict[date, Decimal]
    by_key: dict[UUID, bool]
    bounded: Annotated[int, Field(ge=0, le=10)]
    left_out: str = "default"


class Item(Schema):
    """Something in stock."""

    name: str
    count: int


class Receipt(Schema):
    """What was taken, and what that left."""

    name: str
    taken: int
    left: int
    at: UtcDatetime


class Ruling(Schema):
    """What the gate says."""

    allowed: bool
    until: UtcDatetime | None = None


class UnknownItem(DeclaredError):
    """There is no such item."""

    status = 404
    name: str


class OutOfStock(DeclaredError):
    """There is not as much of it."""

    name: str
    left: int
    expected_at: UtcDatetime | None = None


class Undeclared(DeclaredError):
    """No operation declares this."""


class How(StrEnum):
    """How an operation fails."""

    BUG = "bug"
    UNDECLARED = "undeclared"
    WRONG_RESULT = "wrong result"


def end_of(ruling: Ruling) -> datetime | None:
    return ruling.until


class Stock(Interface, Protocol):
    """Things that can be taken."""

    def echo(self, *, thing: Everything) -> Everything:
        """Return what was given."""
        ...

    def defaults(
        self, *, number: int = 3, names: tuple[str, ...] = ("a", "b"), note: str | None = None
    ) -> dict[str, int | str | list[str] | None]:
        """Return the arguments, with those that were left out."""
        ...

    def label(self, *, name: str, count: int) -> Item:
        """Return what an item of this name and count would be, without looking."""
        ...

    def nothing(self) -> None:
        """Return nothing."""
        ...

    @raises(UnknownItem)
    def find(self, *, name: str) -> Item:
        """Return an item."""
        ...

    def fail(self, *, how: How) -> Item:
        """Break the promise."""
        ...

    def wait(self, *, name: str, seconds: float) -> None:
        """Wait until `name` is released, so many seconds have passed, or nobody waits for the answer."""
        ...

    def has_begun(self, *, name: str) -> bool:
        """Say whether a `wait` of this name has begun."""
        ...

    def release(self, *, name: str) -> None:
        """Let the `wait` of this name end."""
        ...

    def whoami(self) -> Identity:
        """Return as whom the provider runs."""
        ...

    def chain(self) -> list[Identity]:
        """Return as whom the provider runs, and the one that it asks in turn."""
        ...

    def count_of_questions(self) -> int:
        """Return how many questions the gate has answered."""
        ...

    @command
    def restock(self, *, idempotency_key: str, name: str, count: int) -> None:
        """Add an item."""
        ...

    @command
    @raises(UnknownItem, OutOfStock)
    def take(self, *, idempotency_key: str, name: str, count: Annotated[int, Field(gt=0)]) -> Receipt:
        """Take some of an item."""
        ...

    @gate(on_failure=Ruling(allowed=False), callers=("shop",), ceiling_s=60.0, until=end_of)
    def may(self, *, subject: str) -> Ruling:
        """Say whether `subject` may take things; the tenant of the call must be the one it belongs to."""
        ...
