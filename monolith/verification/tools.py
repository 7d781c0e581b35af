"""Tools, resources and prompts: how they are named, what they take, and that none lets an agent say who it is."""

from collections.abc import Iterator

from monolith.composition import composed
from monolith.contracts.registry import message_and_fix
from monolith.errors import CompositionError
from monolith.module import Module
from monolith.tools.prompts import prompt_problems
from monolith.tools.registry import tool_problems
from monolith.tools.resources import resource_problems
from monolith.verification.loading import failure
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation


def tool_violations(system: System) -> Iterator[Violation]:
    """Yield everything that is wrong with tools. Needs loaded apps."""
    for module in composed().modules.values():
        try:
            problems = [*tool_problems(module), *resource_problems(module), *prompt_problems(module)]
        except CompositionError:  # its contract is what is wrong, and that is told there
            continue
        except Exception as error:  # noqa: BLE001 (whatever tools.py raises is what is wrong with it)
            yield failure(system, error)
            continue
        for problem in problems:
            yield _violation(system, module, problem)


def _violation(system: System, module: Module, problem: str) -> Violation:
    message, fix = message_and_fix(problem)
    file = system.source_of(module.tools_module)
    in_tools = message.startswith(f"{module.tools_module}.")
    place = Place(file.path, 1) if in_tools and file else Place()
    return Violation(place=place, code=Code.TOOLS_DECLARATION, module=module.name, message=message, fix=fix)
