"""A module that is still to be made: whether it can be, and what its files say."""

import ast
import builtins
import keyword
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.template import Context, Engine

from monolith.errors import CompositionError
from monolith.module import Module, Tier, name_problem

TEMPLATES: Final = Path(__file__).parent / "templates"
SUFFIX: Final = "-tpl"  # keeps them from being taken for Python
MAX_TITLE_LENGTH: Final = 60
MAX_LINE: Final = 88  # what formatters allow that were told nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModule:
    """What was asked for."""

    name: str
    tier: Tier
    title: str = ""  # for people; empty means the name, capitalised
    requires: tuple[str, ...] = ()

    @property
    def folders(self) -> Mapping[str, str]:
        """Return where each part of the templates goes, relative to the project."""
        return {"app": f"apps/{self.name}", "tests": f"tests/apps/{self.name}", "contract.py": self.contract}

    @property
    def contract(self) -> str:
        return f"contracts/{self.name}.py"


def problems(new: NewModule, *, declared: Mapping[str, Module], project: Path) -> Iterator[str]:
    """Yield everything that keeps a module from being made, each with the fix."""
    if (problem := _name_problem(new.name)) is not None:
        yield f"{new.name!r} cannot be a module's name: {problem}"
    else:
        yield from list(_place_problems(new, declared, project)) or _clashes(new)


def _place_problems(new: NewModule, declared: Mapping[str, Module], project: Path) -> Iterator[str]:
    if new.name in declared:
        yield f"a module {new.name!r} is declared already; choose another name"
    for place in new.folders.values():
        if (project / place).exists():
            yield f"{place} is there already; choose another name, or move it away"
    if not _is_title(new.title):
        yield (
            f"--title {new.title!r} cannot be written into code; use at most {MAX_TITLE_LENGTH} printable characters, "
            f'no " and no backslash'
        )
    yield from _requirement_problems(new, declared)


def _name_problem(name: str) -> str | None:
    if problem := name_problem(name):
        return problem
    if keyword.iskeyword(name) or hasattr(builtins, name):
        return "Python has a meaning for it; choose another"
    if name in sys.stdlib_module_names:
        return "the standard library has a module of that name, which imports would be confused with; choose another"
    return None


def _is_title(title: str) -> bool:
    return (
        len(title) <= MAX_TITLE_LENGTH
        and title.isprintable()
        and title == title.strip()
        and not set(title) & set('"\\')
    )


def _requirement_problems(new: NewModule, declared: Mapping[str, Module]) -> Iterator[str]:
    for other in new.requires:
        if other not in declared:
            yield f"--requires names {other!r}, which is not declared; known: {', '.join(sorted(declared))}"
        elif callers := _gate_callers(declared[other]):
            yield (
                f"--requires names {other!r}, whose gate may be asked by {', '.join(sorted(callers))} alone; leave it "
                f"out, or add {new.name!r} to the gate's callers and to `requires` by hand"
            )


def _gate_callers(module: Module) -> frozenset[str]:
    from monolith.contracts.contract import contract_of
    from monolith.contracts.registry import promises_of

    try:
        contracts = [contract_of(promise.interface) for promise in promises_of(module)]
    except CompositionError:
        return frozenset()  # that module's own trouble, which every start reports
    gates = [o.gate for contract in contracts for o in contract.operations.values() if o.gate]
    return frozenset().union(*(gate.callers for gate in gates))


def _clashes(new: NewModule) -> Iterator[str]:
    """Yield the files in which the module's own name would stand for two things."""
    for path, text in files(new).items():
        names = Counter(_bound_names(text)) if path.endswith(".py") else Counter[str]()
        for twice in (name for name, count in names.items() if count > 1):
            yield f"{path} would have two things called {twice}; choose another name for the module"


def _bound_names(text: str) -> Iterator[str]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name


def files(new: NewModule) -> dict[str, str]:
    """Return the text of every file that the module consists of, by its path in the project."""
    engine = Engine()
    context = Context(_words(new), autoescape=False)
    return {
        path: f"{text.strip()}\n" if (text := engine.from_string(template).render(context)).strip() else ""
        for path, template in _templates(new)
    }


def _templates(new: NewModule) -> Iterator[tuple[str, str]]:
    for file in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        part, _, rest = file.relative_to(TEMPLATES).as_posix().removesuffix(SUFFIX).partition("/")
        place = new.folders[part]
        yield f"{place}/{rest}" if rest else place, file.read_text(encoding="utf-8")


def _words(new: NewModule) -> dict[str, object]:
    public, private = Tier.PUBLIC in new.tier, Tier.PRIVATE in new.tier
    return {
        "name": new.name,
        "class_name": "".join(part.capitalize() for part in new.name.split("_")),
        "title": new.title or new.name.replace("_", " ").capitalize(),
        "tier": new.tier.name,
        "public": public,
        "private": private,
        "requires": _tuple(new.requires),
        "reader": "client" if public else "staff",
        "who": "everyone" if public else "staff",
        "staff_path": "/staff/items" if public else "/items",  # the tiers' routers share no path
        "add_to": "STAFF_API" if public else "API",
    }


def _tuple(names: tuple[str, ...]) -> str:
    """Return names as a tuple in code, one to a line where one line would be long."""
    quoted = [f'"{name}"' for name in names]
    if len(quoted) == 1:
        return f"({quoted[0]},)"
    line = f"({', '.join(quoted)})"
    if len(f"    requires={line},") <= MAX_LINE:
        return line if names else ""
    return "(\n" + "".join(f"        {name},\n" for name in quoted) + "    )"
