"""What rules look at: the declared modules and their files, each read once."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import monolith
from monolith.module import PLATFORM, Module
from monolith.verification.parsing import read_source
from monolith.verification.source import Source, Text
from monolith.verification.violation import Code, Place, Violation

_VERSION: Final = re.compile(r"_v[0-9]+$")
# Of the framework's own files only those are read that could import the project.
_PROJECT_IMPORT: Final = r"^\s*(?:from|import)\s+(?:{})\b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """One file of SQL."""

    path: str
    text: Text


@dataclass(frozen=True, kw_only=True)
class System:
    """A project as it is written."""

    project: Path
    modules: Mapping[str, Module]
    settings: str  # the package of the settings modules
    sources: Mapping[str, Sequence[Source]]  # of each module's app
    statements: Mapping[str, Sequence[Statements]]  # of each module's app
    contracts: Mapping[str, Sequence[Source]]  # of each module; of PLATFORM those that are no module's
    framework: Sequence[Source]  # those of its files that import the project; none where it is installed
    unreadable: Sequence[Violation]

    @cached_property
    def roots(self) -> frozenset[str]:
        """Return the project's own top-level packages."""
        names = [self.settings]
        for module in self.modules.values():
            names += [module.django_app, module.contract_module]
        return frozenset(name.partition(".")[0] for name in names if name)

    @cached_property
    def _apps(self) -> Mapping[str, str]:
        return {module.django_app: module.name for module in self.modules.values()}

    @property
    def _owned(self) -> Iterator[tuple[str, Sequence[Source]]]:
        yield from self.sources.items()
        yield from self.contracts.items()

    @cached_property
    def _files(self) -> Mapping[str, Source]:
        return {file.name: file for _, files in self._owned for file in files}

    def owner_of(self, name: str) -> str | None:
        """Return the module whose app a dotted name is in."""
        return next((self._apps[around] for around in _upwards(name) if around in self._apps), None)

    def promiser_of(self, name: str) -> str | None:
        """Return the module whose contract a dotted name is in."""
        owners = {module.contract_module: module.name for module in self.modules.values()}
        files = (_VERSION.sub("", around) for around in _upwards(name))
        return next((owners[file] for file in files if file in owners), None)

    def source_of(self, name: str) -> Source | None:
        """Return the file of a module or a contract by its dotted name."""
        return self._files.get(name)

    def source_around(self, name: str) -> Source | None:
        """Return the file that a dotted name of something in it begins with."""
        return next((self._files[around] for around in _upwards(name) if around in self._files), None)

    def module_at(self, path: str) -> str:
        """Return the module that a file belongs to; PLATFORM for all others."""
        return next(
            (owner for owner, files in self._owned if any(file.path == path for file in files)), PLATFORM
        )

    def declared_at(self, module: str, value: str = "") -> Place:
        """Return where a module's declaration says `value`, or where it begins."""
        app = self.modules[module].django_app
        file = next((file for file in self.sources[module] if file.name == f"{app}.module"), None)
        if file is None:  # it is declared elsewhere
            return Place(app.replace(".", "/"))
        lines = [text.line for text in file.texts if text.value == value]
        return Place(file.path, min(lines, default=file.lines.get("module", 1)))

    def place_of(self, thing: type, attribute: str = "") -> Place:
        """Return where a class of the project, or an attribute of it, is written."""
        file = self.source_of(thing.__module__)
        if file is None:
            return Place()
        whole = file.lines.get(thing.__qualname__, 1)
        return Place(file.path, file.lines.get(f"{thing.__qualname__}.{attribute}", whole))


def read_system(project: Path, modules: Mapping[str, Module], settings: str) -> System:
    """Read every file of the modules and their contracts, and of the framework what could break a rule."""
    reading = _Reading(project)
    folders = {module.name: _folder(module.django_app) for module in modules.values()}
    system = System(
        project=project,
        modules=modules,
        settings=settings,
        sources={m.name: reading.package(folders[m.name], m.django_app, m.name) for m in modules.values()},
        statements={name: reading.statements(folder) for name, folder in folders.items()},
        contracts=reading.contracts(modules),
        framework=(),
        unreadable=(),
    )
    return replace(system, framework=reading.framework(system.roots), unreadable=tuple(reading.unreadable))


def _upwards(name: str) -> Iterator[str]:
    """Yield a dotted name, then what it is in, and so on."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _folder(package: str) -> Path | None:
    """Return where a package is, without importing it."""
    try:
        found = find_spec(package)
    except ModuleNotFoundError:  # the package around it
        return None
    locations = (found.submodule_search_locations if found else None) or ()
    return next(map(Path, locations), None)


class _Reading:
    """Reads files; those that are no Python become violations."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.unreadable: list[Violation] = []

    def package(self, folder: Path | None, name: str, module: str) -> list[Source]:
        files = sorted(folder.rglob("*.py")) if folder else []
        found = (
            self._source(file, _dotted(name, file.relative_to(folder or file)), module) for file in files
        )
        return [source for source in found if source]

    def statements(self, folder: Path | None) -> list[Statements]:
        files = sorted(folder.rglob("*.sql")) if folder else []
        return [
            Statements(path=self._path(file), text=Text(file.read_text(encoding="utf-8"), 1, in_lines=True))
            for file in files
        ]

    def contracts(self, modules: Mapping[str, Module]) -> dict[str, list[Source]]:
        owners = {module.contract_module: module.name for module in modules.values()}
        found: dict[str, list[Source]] = {}
        for package in sorted({name.rpartition(".")[0] for name in owners}):
            folder = _folder(package)
            for file in sorted(folder.glob("*.py")) if folder else []:
                name = _dotted(package, Path(file.name))
                owner = owners.get(_VERSION.sub("", name), PLATFORM)
                if source := self._source(file, name, owner):
                    found.setdefault(owner, []).append(source)
        return found

    def framework(self, roots: Iterable[str]) -> list[Source]:
        folder = Path(monolith.__file__).parent
        if not roots or folder.parent != self.project:
            return []
        suspicious = re.compile(_PROJECT_IMPORT.format("|".join(map(re.escape, roots))), re.MULTILINE)
        files = [
            file
            for file in sorted(folder.rglob("*.py"))
            if suspicious.search(file.read_text(encoding="utf-8"))
        ]
        found = (
            self._source(file, _dotted("monolith", file.relative_to(folder)), PLATFORM) for file in files
        )
        return [source for source in found if source]

    def _source(self, file: Path, name: str, module: str) -> Source | None:
        path = self._path(file)
        try:
            return read_source(file.read_bytes(), path=path, name=name, is_package=file.name == "__init__.py")
        except SyntaxError as error:
            self.unreadable.append(
                Violation(
                    place=Place(path, error.lineno or 0),
                    code=Code.LOADING_SYNTAX,
                    module=module,
                    message=f"is no Python: {error.msg}",
                    fix="correct it; nothing else was looked for in this file",
                )
            )
        return None

    def _path(self, file: Path) -> str:
        return (file.relative_to(self.project) if file.is_relative_to(self.project) else file).as_posix()


def _dotted(package: str, file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])
