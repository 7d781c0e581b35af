"""The matrix of roles, relations and privileges, expected against actual."""

from dataclasses import dataclass
from typing import Final

from rich.table import Table
from rich.text import Text

from monolith.access.catalog import Catalog, Relation
from monolith.access.declaration import Declaration
from monolith.access.facts import PUBLIC, Facts, Privilege

LETTERS: Final = {
    "SELECT": "S",
    "INSERT": "I",
    "UPDATE": "U",
    "DELETE": "D",
    "TRUNCATE": "T",
    "REFERENCES": "R",
    "TRIGGER": "G",
    "MAINTAIN": "M",
    "USAGE": "u",
}
LEGEND: Final = (
    "S select  I insert  U update  D delete  T truncate  R references  G trigger  M maintain  u use (sequence); "
    "small brackets: columns; + not declared, - declared and missing"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one role may do with one relation."""

    expected: tuple[str, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus)

    @property
    def text(self) -> Text:
        text = Text(" ".join(self.expected) or "·", style="green" if self.expected else "dim")
        for sign, marks in (("-", self.missing), ("+", self.surplus)):
            for mark in marks:
                text.append(f" {sign}{mark}", style="bold red")
        return text


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One relation and what every role may do with it."""

    relation: Relation
    cells: dict[str, Cell]  # by role; roles without any privilege, expected or actual, are left out


def matrix(declaration: Declaration, catalog: Catalog, expected: Facts) -> list[MatrixRow]:
    """Return a row per relation, in the order modules are declared."""
    wanted, actual = _by_relation(expected), _by_relation(catalog.facts)
    order = {schema: place for place, schema in enumerate(declaration.schemas)}
    relations = sorted(catalog.relations, key=lambda r: (order[r.schema], r.kind == "S", r.name))
    return [MatrixRow(r, _cells(wanted.get(r.thing, {}), actual.get(r.thing, {}))) for r in relations]


def matrix_table(declaration: Declaration, rows: list[MatrixRow]) -> Table:
    """Draw the matrix; partitions and sequences appear only where they differ from what is declared."""
    reader = declaration.roles.public_reader
    table = Table(caption=LEGEND, caption_justify="left", title_justify="left")
    for heading in ("schema", "relation", "own role", reader, "others"):
        table.add_column(heading, overflow="fold")
    schema = ""
    for row in rows:
        relation = row.relation
        if (relation.is_partition or relation.kind == "S") and not any(row.cells.values()):
            continue
        own = declaration.roles.rw(relation.schema)
        others = Text("\n").join(
            _named(role, cell) for role, cell in row.cells.items() if role not in {own, reader}
        )
        shown = [row.cells.get(role, Cell((), (), ())).text for role in (own, reader)]
        table.add_row(
            "" if relation.schema == schema else relation.schema, relation.name, *shown, others or Text("·")
        )
        schema = relation.schema
    return table


def _named(role: str, cell: Cell) -> Text:
    return Text.assemble("PUBLIC" if role == PUBLIC else role, " ", cell.text)


def _by_relation(facts: Facts) -> dict[object, dict[str, set[str]]]:
    found: dict[object, dict[str, set[str]]] = {}
    for fact in facts:
        if isinstance(fact, Privilege) and fact.privilege in LETTERS:
            found.setdefault(fact.thing, {}).setdefault(fact.grantee, set()).add(_mark(fact))
    return found


def _mark(fact: Privilege) -> str:
    column = f"({fact.column})" if fact.column else ""
    return f"{LETTERS[fact.privilege]}{column}{'*' if fact.grantable else ''}"


def _cells(wanted: dict[str, set[str]], actual: dict[str, set[str]]) -> dict[str, Cell]:
    return dict(_cell(role, wanted, actual) for role in sorted(wanted.keys() | actual.keys()))


def _cell(role: str, wanted: dict[str, set[str]], actual: dict[str, set[str]]) -> tuple[str, Cell]:
    want, have = wanted.get(role, set()), actual.get(role, set())
    return role, Cell(_ordered(want & have), _ordered(want - have), _ordered(have - want))


def _ordered(marks: set[str]) -> tuple[str, ...]:
    letters = "".join(LETTERS.values())
    return tuple(sorted(marks, key=lambda mark: (letters.index(mark[0]), mark)))
