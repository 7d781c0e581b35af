"""One Python file as facts: what it imports, names, calls and says in strings. Rules read these, not the tree."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

GAP: Final = "{}"
"""Stands in a text for what is known only when the code runs."""


class Import(NamedTuple):
    """One imported name."""

    name: str  # in full: `a.b` of `import a.b`, `a.b.c` of `from a.b import c`
    origin: str  # what is imported from: `a.b` of both
    line: int


class Use(NamedTuple):
    """A name that is or begins with an imported one, as long as it is written: `django.db.transaction.atomic`."""

    name: str
    line: int
    column: int


class Text(NamedTuple):
    """A string of the code, put together from its pieces."""

    value: str
    line: int
    in_lines: bool  # its line breaks are line breaks of the file

    def line_of(self, offset: int) -> int:
        """Return the line of the file that a character of the text stands in."""
        return self.line + (self.value.count("\n", 0, offset) if self.in_lines else 0)


class Argument(NamedTuple):
    """What a call is given, as far as the file says it."""

    text: str | None  # of a string, or of a name that this file gives one
    name: str  # of what is imported, in full; empty for all else


class Call(NamedTuple):
    """A call, or a look-up in brackets."""

    name: str  # in full where it begins with an imported name, else empty
    method: str  # the last part of what is called
    arguments: tuple[Argument, ...]
    keywords: Mapping[str, Argument]
    line: int
    column: int

    def argument(self, position: int, keyword: str) -> Argument | None:
        """Return what is given for a parameter."""
        if keyword in self.keywords:
            return self.keywords[keyword]
        return self.arguments[position] if position < len(self.arguments) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The facts of one file."""

    path: str  # relative to the project
    name: str  # dotted
    imports: tuple[Import, ...]
    uses: tuple[Use, ...]
    calls: tuple[Call, ...]
    items: tuple[Call, ...]  # `environ["HOME"]` as a call with one argument
    texts: tuple[Text, ...]  # no docstrings
    constants: Mapping[str, str]  # strings that names of the file stand for
    lines: Mapping[str, int]  # of classes, functions and assignments: `Site`, `Site.name`
    bases: Mapping[str, tuple[str, ...]]  # of the file's classes, in full where imported

    def binds(self, name: str) -> bool:
        """Say whether the file has something of that name, its own or imported."""
        return name in self.lines or any(found.name.endswith(f".{name}") for found in self.imports)


def read(text: bytes, *, path: str, name: str, is_package: bool = False) -> Source:
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
        )

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
        match node:
            case ast.Expr(value=ast.Constant(value=str())):  # a docstring
                continue
            case ast.Constant(value=str()):
                found.texts.append(node)
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                found.texts.append(node)
                waiting += _inside(node)
                continue
            case ast.Name() | ast.Attribute():
                found.names.append(node)
                waiting += _root(node)
                continue
            case ast.Import() | ast.ImportFrom():
                found.imports.append(node)
            case ast.Call():
                found.calls.append(node)
            case ast.Subscript():
                found.items.append(node)
        waiting += ast.iter_child_nodes(node)
    return found


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
