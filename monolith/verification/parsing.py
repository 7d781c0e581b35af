"""Making facts of a file: its tree is walked once, then names are put in full."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from monolith.verification.source import GAP, Argument, Call, Definition, Import, Source, Text, Use

type _Defining = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINING: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def read_source(text: bytes, *, path: str, name: str, is_package: bool = False) -> Source:
    """Read a file's text. Raises SyntaxError."""
    tree = ast.parse(text, path)
    return _Reader(tree, path, name, name if is_package else name.rpartition(".")[0]).source()


@dataclass(slots=True)
class _Found:
    """The nodes that facts are made of, as they were met."""

    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    names: list[ast.Attribute | ast.Name] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)
    items: list[ast.Subscript] = field(default_factory=list)
    texts: list[ast.expr] = field(default_factory=list)


class _Reader:
    """Makes facts of one tree."""

    def __init__(self, tree: ast.Module, path: str, name: str, package: str) -> None:
        self._tree, self._path, self._name, self._package = tree, path, name, package
        self._found = _collect(tree)
        self._constants = dict(_constants(tree))
        self._imports = [found for node in self._found.imports for found in self._imported(node)]
        self._known = {bound: full for node in self._found.imports for bound, full in self._bound(node)}

    def source(self) -> Source:
        found = self._found
        defined = [self._definition(node) for node in self._tree.body if isinstance(node, _DEFINING)]
        definitions = {definition.name: definition for definition in defined}
        return Source(
            path=self._path,
            name=self._name,
            imports=tuple(self._imports),
            uses=tuple(
                Use(name, _line(node), node.col_offset) for node in found.names if (name := self._full(node))
            ),
            calls=tuple(self._call(node) for node in found.calls),
            items=tuple(self._item(node) for node in found.items if self._full(node.value)),
            texts=tuple(
                Text(value, node.lineno, _in_lines(node, value))
                for node in found.texts
                if (value := self._text(node)) is not None
            ),
            constants=self._constants,
            lines=dict(_lines(self._tree.body)),
            bases={
                node.name: tuple(self._full(base) or _last(base) for base in node.bases)
                for node in self._tree.body
                if isinstance(node, ast.ClassDef)
            },
            definitions=definitions,
            hidden=tuple(each for each in defined if definitions[each.name] is not each),
        )

    def _definition(self, node: _Defining) -> Definition:
        decorators = tuple(map(self._decorator, node.decorator_list))
        return Definition(node.name, decorators, node.lineno, node.end_lineno or node.lineno)

    def _decorator(self, node: ast.expr) -> str:
        return self._full(node.func if isinstance(node, ast.Call) else node)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                yield Import(f"{self._origin(node)}.{alias.name}", self._origin(node), node.lineno)
            else:
                yield Import(alias.name, alias.name, node.lineno)

    def _bound(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                yield alias.asname or alias.name, f"{self._origin(node)}.{alias.name}"
            elif alias.asname:
                yield alias.asname, alias.name
            else:
                root = alias.name.partition(".")[0]
                yield root, root

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self._package.split(".")
        above = package[: len(package) - node.level + 1]
        return ".".join([*above, node.module] if node.module else above)

    def _full(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._known:
            return ""
        return ".".join([self._known[node.id], *reversed(parts)])

    def _call(self, node: ast.Call) -> Call:
        keywords = {word.arg: self._argument(word.value) for word in node.keywords if word.arg}
        return Call(
            self._full(node.func),
            _last(node.func),
            tuple(map(self._argument, node.args)),
            keywords,
            _line(node.func),
            node.func.col_offset,
        )

    def _item(self, node: ast.Subscript) -> Call:
        where = (node.lineno, node.col_offset)
        return Call(self._full(node.value), _last(node.value), (self._argument(node.slice),), {}, *where)

    def _argument(self, node: ast.expr) -> Argument:
        if isinstance(node, ast.Name) and node.id in self._constants:
            return Argument(self._constants[node.id], "")
        return Argument(self._text(node), self._full(node))

    def _text(self, node: ast.expr) -> str | None:
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.JoinedStr(values=values):
                return "".join(self._piece(value) for value in values)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                pieces = [self._text(left), self._text(right)]
                return None if pieces == [None, None] else "".join(piece or GAP for piece in pieces)
        return None

    def _piece(self, node: ast.expr) -> str:
        if isinstance(node, ast.FormattedValue):
            node = node.value
        if isinstance(node, ast.Name):
            return self._constants.get(node.id, GAP)
        return self._text(node) or GAP


def _collect(tree: ast.Module) -> _Found:
    found = _Found()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        note = _NOTED.get(type(node))
        waiting += note(found, node) if note else ast.iter_child_nodes(node)
    return found


def _note_statement(_found: _Found, node: Any) -> Iterable[ast.AST]:
    is_docstring = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return () if is_docstring else (node.value,)


def _note_constant(found: _Found, node: Any) -> Iterable[ast.AST]:
    if isinstance(node.value, str):
        found.texts.append(node)
    return ()


def _note_text(found: _Found, node: Any) -> Iterable[ast.AST]:
    found.texts.append(node)
    return _inside(node)


def _note_operation(found: _Found, node: Any) -> Iterable[ast.AST]:
    return _note_text(found, node) if isinstance(node.op, ast.Add) else (node.left, node.right)


def _note_name(found: _Found, node: Any) -> Iterable[ast.AST]:
    found.names.append(node)
    return _root(node)


def _note_import(found: _Found, node: Any) -> Iterable[ast.AST]:
    found.imports.append(node)
    return ()


def _note_call(found: _Found, node: Any) -> Iterable[ast.AST]:
    found.calls.append(node)
    return ast.iter_child_nodes(node)


def _note_item(found: _Found, node: Any) -> Iterable[ast.AST]:
    found.items.append(node)
    return ast.iter_child_nodes(node)


# By type, because every node of every file passes here. Each notes a node and returns where to go on.
_NOTED: Final[Mapping[type, Callable[[_Found, Any], Iterable[ast.AST]]]] = {
    ast.Expr: _note_statement,
    ast.Constant: _note_constant,
    ast.JoinedStr: _note_text,
    ast.BinOp: _note_operation,
    ast.Name: _note_name,
    ast.Attribute: _note_name,
    ast.Import: _note_import,
    ast.ImportFrom: _note_import,
    ast.Call: _note_call,
    ast.Subscript: _note_item,
}


def _inside(node: ast.expr) -> list[ast.expr]:
    """Return the expressions in a composed text that are no text themselves."""
    match node:
        case ast.Constant(value=str()):
            return []
        case ast.JoinedStr(values=values):
            return [inner for value in values for inner in _inside(value)]
        case ast.FormattedValue(value=value):
            return [value]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [*_inside(left), *_inside(right)]
    return [node]


def _root(node: ast.expr) -> list[ast.expr]:
    """Return what a chain of attributes hangs on, unless that is a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return [] if isinstance(node, ast.Name) else [node]


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _line(node: ast.expr) -> int:
    # A chain of attributes over many lines is found at its last name, where its arguments stand.
    return node.end_lineno or node.lineno if isinstance(node, ast.Attribute) else node.lineno


def _in_lines(node: ast.expr, value: str) -> bool:
    return value.count("\n") == (node.end_lineno or node.lineno) - node.lineno


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(value)))
            ):
                yield name, value


def _lines(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, int]]:
    for node in body:
        match node:
            case ast.ClassDef(name=name):
                yield f"{prefix}{name}", node.lineno
                yield from _lines(node.body, f"{prefix}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield f"{prefix}{name}", node.lineno
            case ast.Assign(targets=targets):
                yield from ((f"{prefix}{t.id}", node.lineno) for t in targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield f"{prefix}{name}", node.lineno
            case ast.If() | ast.Try():
                yield from _lines([*node.body, *node.orelse], prefix)
