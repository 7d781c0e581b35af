"""The reference application, and a module that calls what no module of it calls from its own process yet."""

import ast
from importlib.util import find_spec
from pathlib import Path

from monolith import Module, Tier
from settings.modules import MODULES as APPLICATION


def has_operations(module: Module) -> bool:
    """Say whether a module's contract has an Interface: one of messages alone is not called.

    Read and not imported, because settings ask.
    """
    spec = find_spec(module.contract_module)
    if spec is None or spec.origin is None:
        return False
    classes = (
        node for node in ast.parse(Path(spec.origin).read_text()).body if isinstance(node, ast.ClassDef)
    )
    return any(
        isinstance(base, ast.Name) and base.id == "Interface" for each in classes for base in each.bases
    )


PROVIDERS = [module.name for module in APPLICATION if has_operations(module)]
CALLERS = [module for module in APPLICATION if module.name not in PROVIDERS]
_CALLED = {other for module in CALLERS for other in module.requires}

ASKER = Module(
    name="asker",
    tier=Tier.PRIVATE,
    app=f"{__name__.rpartition('.')[0]}.asker",
    requires=tuple(name for name in PROVIDERS if name not in _CALLED),
)
MODULES = [ASKER, *APPLICATION]


def caller_of(module: str) -> str:
    """Return a module that may call `module` and provides nothing itself."""
    return next(caller.name for caller in [*CALLERS, ASKER] if module in caller.requires)
