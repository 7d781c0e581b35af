"""Imports that go where none may: wherever they stand, in functions and under TYPE_CHECKING too."""

import sys
from collections.abc import Callable, Iterator
from typing import Final

from monolith.module import PLATFORM
from monolith.verification.source import Source
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

# What a contract may be made of, besides the standard library and other contracts.
TYPES: Final = (
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "ninja",
    "monolith.contracts",
)


def import_violations(system: System) -> Iterator[Violation]:
    """Yield every import that crosses a line."""
    for module, files in system.sources.items():
        for file in files:
            yield from _into_modules(system, module, file)
            yield from _into_settings(system, module, file)
    for module, files in system.contracts.items():
        for file in files:
            yield from _of_contract(system, module, file)
    for file in system.framework:
        yield from _of_framework(system, file)


def stranger(system: System, module: str, name: str) -> str | None:
    """Return in words whose code a dotted name is when it is another app's; None for all else."""
    own = system.modules[module].django_app
    if is_within(name, own):
        return None
    if owner := system.owner_of(name):
        return f"module '{owner}'"
    # Beside the modules there is nothing to share: what two need is in the framework, in a library, or in both.
    beside = own.rpartition(".")[0]
    return "no module" if beside and name.startswith(f"{beside}.") else None


def way_to(system: System, name: str) -> str:
    """Return the fix for reaching for another module's code."""
    owner = system.owner_of(name)
    if owner is None:
        return "move what this module needs of it into this module"
    contract = system.modules[owner].contract_module
    promised = (
        f"call what {contract} promises"
        if owner in system.contracts
        else f"promise it in {contract}, call it"
    )
    return f"{promised} with require(…), and list {owner!r} in `requires`"


def is_within(name: str, package: str) -> bool:
    """Say whether a dotted name is a package or in it."""
    return name == package or name.startswith(f"{package}.")


def _into_modules(system: System, module: str, file: Source) -> Iterator[Violation]:
    for line, name, whose in _reached(system, file, lambda name: stranger(system, module, name)):
        yield Violation(
            place=Place(file.path, line),
            code=Code.IMPORTS_MODULE,
            module=module,
            message=f"imports {name}, which is code of {whose}",
            fix=way_to(system, name),
        )


def _into_settings(system: System, module: str, file: Source) -> Iterator[Violation]:
    for line, name, _ in _reached(
        system, file, lambda name: "settings" if is_within(name, system.settings) else None
    ):
        yield Violation(
            place=Place(file.path, line),
            code=Code.IMPORTS_SETTINGS,
            module=module,
            message=f"imports {name}: settings import modules, and never the other way",
            fix="read django.conf.settings, or declare in module.py what the module needs",
        )


def _of_contract(system: System, module: str, file: Source) -> Iterator[Violation]:
    allowed = (*TYPES, *{m.contract_module.rpartition(".")[0] for m in system.modules.values()})

    def refused(name: str) -> str | None:
        if name.partition(".")[0] in sys.stdlib_module_names or any(
            is_within(name, root) for root in allowed
        ):
            return None
        return name.partition(".")[0]

    for line, name, _ in _reached(system, file, refused):
        yield Violation(
            place=Place(file.path, line),
            code=Code.IMPORTS_CONTRACT,
            module=module,
            message=f"imports {name}: a contract is types, for readers that do not have the module",
            fix="use the standard library, pydantic, monolith.contracts and other contracts alone",
        )


def _of_framework(system: System, file: Source) -> Iterator[Violation]:
    def refused(name: str) -> str | None:
        root = name.partition(".")[0]
        return root if root in system.roots else None

    for line, name, _ in _reached(system, file, refused):
        yield Violation(
            place=Place(file.path, line),
            code=Code.IMPORTS_FRAMEWORK,
            module=PLATFORM,
            message=f"imports {name}: the framework knows no project",
            fix="take what it needs as data, from the composition",
        )


def _reached(
    system: System, file: Source, refused: Callable[[str], str | None]
) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and reason of what is refused: each import, and each use that goes further than its import."""
    found: dict[tuple[int, str], str] = {}
    bad = set()
    for imported in file.imports:
        if reason := refused(imported.name):
            bad.add(imported.name)
            name = imported.origin if refused(imported.origin) == reason else imported.name
            found.setdefault((imported.line, reason), name)
    for use in file.uses:
        if (reason := refused(use.name)) and not any(is_within(use.name, name) for name in bad):
            around = system.source_around(use.name)
            found.setdefault((use.line, reason), around.name if around else use.name)
    yield from ((line, name, reason) for (line, reason), name in found.items())
