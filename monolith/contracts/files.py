"""The files of contracts: one for each major version that a module promises."""

import re
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from monolith.module import Module


def versioned(dotted: str, version: int) -> str:
    """Return the name of the file that holds a major version: version 1 has no suffix."""
    return dotted if version == 1 else f"{dotted}_v{version}"


def contract_modules(module: Module) -> list[ModuleType]:
    """Return the files of a module's contract, one per major version that it promises."""
    return [import_module(versioned(module.contract_module, version)) for version in versions_of(module)]


def versions_of(module: Module) -> list[int]:
    """Return the major versions that a module promises: each after the one before, from the oldest that is left."""
    package, _, name = module.contract_module.rpartition(".")
    spec = find_spec(package)
    files = iter_modules(spec.submodule_search_locations) if spec else ()
    matches = (re.fullmatch(rf"{name}(?:_v([2-9]|[1-9][0-9]+))?", file.name) for file in files)
    found = sorted(int(match[1] or 1) for match in matches if match)
    return [version for position, version in enumerate(found) if version == found[0] + position]
