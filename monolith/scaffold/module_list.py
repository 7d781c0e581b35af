"""The list of modules in settings/modules.py, and how one more gets into it without disturbing the rest."""

import ast
import re
from bisect import bisect
from itertools import takewhile
from typing import Final

LIST_NAME: Final = "MODULES"
_IMPORTED: Final = re.compile(r"apps\.\w+\.module")
_ABOVE: Final = (ast.Expr, ast.Import, ast.ImportFrom)  # a docstring, and what stands together with it


class UnexpectedForm(Exception):
    """The file is not of a form that can be added to by itself; the message says what is in the way."""


def import_line(name: str) -> str:
    """Return the statement that brings a module into the list's file."""
    return f"from apps.{name}.module import module as {name}"


def with_module(text: str, name: str, *, line_length: int) -> str:
    """Return the file with one more module: an import where it sorts, and an entry in the list.

    Lists and imports that are in order stay so; everything else in the file stays as it is. A list on one line goes
    to one line per entry beyond `line_length` characters. Raises UnexpectedForm.
    """
    tree = _parsed(text)
    if name in _bound(tree):
        raise UnexpectedForm(f"it uses the name {name!r} already")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    _enter(lines, _list_in(tree), name, line_length, newline)  # first: it is below, and moves no import
    statement = import_line(name)
    if len(statement) > line_length:
        statement = f"from apps.{name}.module import (\n    module as {name},\n)"
    _import(lines, tree, name, f"{statement}\n".replace("\n", newline), newline)
    result = "".join(lines)
    if not _has(_parsed(result), name):
        raise UnexpectedForm("its imports or its list are laid out in an unusual way")
    return result


def _has(tree: ast.Module, name: str) -> bool:
    """Say whether a module is in the list once, and imported before it."""
    found = _list_in(tree)
    imported = [node.lineno for node in _imports(tree) if node.module == f"apps.{name}.module"]
    return _entries(found).count(name) == 1 and len(imported) == 1 and imported[0] < found.lineno


def _imports(tree: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in tree.body if isinstance(node, ast.ImportFrom)]


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UnexpectedForm(f"it cannot be read: {error}") from error


def _bound(tree: ast.Module) -> set[str]:
    imported = {
        alias.asname or alias.name.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assigned = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    defined = {
        n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    return imported | assigned | defined


def _list_in(tree: ast.Module) -> ast.List:
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == LIST_NAME
    ]
    if len(values) != 1 or not isinstance(values[0], ast.List):
        raise UnexpectedForm(f"it has no single {LIST_NAME} = [...]")
    return values[0]


def _entries(listed: ast.List) -> list[str]:
    return [element.id if isinstance(element, ast.Name) else "" for element in listed.elts]


def _enter(lines: list[str], listed: ast.List, name: str, line_length: int, newline: str) -> None:
    names = _entries(listed)
    position = bisect(names, name) if names == sorted(names) and all(names) else len(names)
    if listed.lineno == listed.end_lineno:
        line = lines[listed.lineno - 1]
        lines[listed.lineno - 1] = _entered(line, listed, position, name, line_length, newline)
    else:
        _enter_as_line(lines, listed, listed.elts[position - 1] if position else None, name, newline)


def _entered(line: str, listed: ast.List, position: int, name: str, line_length: int, newline: str) -> str:
    raw = line.encode()  # the tree counts bytes
    entries = [raw[element.col_offset : element.end_col_offset].decode() for element in listed.elts]
    entries.insert(position, name)
    head, tail = raw[: listed.col_offset].decode(), raw[listed.end_col_offset :].decode()
    in_line = f"{head}[{', '.join(entries)}]{tail}"
    if len(in_line.rstrip()) <= line_length:
        return in_line
    return f"{head}[{newline}{''.join(f'    {entry},{newline}' for entry in entries)}]{tail}"


def _enter_as_line(
    lines: list[str], listed: ast.List, before: ast.expr | None, name: str, newline: str
) -> None:
    starts = [listed.lineno, *(element.lineno for element in listed.elts), listed.end_lineno or 0]
    if len(set(starts)) != len(starts):
        raise UnexpectedForm(f"{LIST_NAME} spans lines without one line for each entry")
    indent = " " * (listed.elts[0].col_offset if listed.elts else 4)
    if before is None:
        lines.insert(listed.lineno, f"{indent}{name},{newline}")
        return
    last = before.end_lineno or 0
    line, end = lines[last - 1].encode(), before.end_col_offset or 0
    if not line[end:].lstrip().startswith(b","):
        lines[last - 1] = (line[:end] + b"," + line[end:]).decode()
    lines.insert(last, f"{indent}{name},{newline}")


def _import(lines: list[str], tree: ast.Module, name: str, statement: str, newline: str) -> None:
    modules = [node for node in _imports(tree) if _IMPORTED.fullmatch(node.module or "")]
    above = takewhile(lambda node: isinstance(node, _ABOVE), tree.body)
    imports = [node for node in above if isinstance(node, ast.Import | ast.ImportFrom)]
    if modules:
        wanted = _natural(f"apps.{name}.module")
        earlier = [*takewhile(lambda node: _natural(node.module or "") < wanted, modules)]
        lines.insert((earlier[-1].end_lineno or 0) if earlier else modules[0].lineno - 1, statement)
    elif imports:
        lines.insert(imports[-1].end_lineno or 0, f"{newline}{statement}")
    else:
        lines.insert(
            _after_docstring(tree),
            f"{newline}{statement}" if ast.get_docstring(tree) else f"{statement}{newline}",
        )


def _after_docstring(tree: ast.Module) -> int:
    return (tree.body[0].end_lineno or 0) if ast.get_docstring(tree) else 0


def _natural(dotted: str) -> list[tuple[bool, int, str]]:
    """Sort as import sorters do: x2 before x10."""
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", dotted)
    ]
