"""The reference application, and a module that calls what no module of it calls from its own process yet."""

from importlib.util import find_spec

from monolith import Module, Tier
from settings.modules import MODULES as APPLICATION

PROVIDERS = [module.name for module in APPLICATION if find_spec(module.contract_module)]
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
