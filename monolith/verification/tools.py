"""Tools, resources and prompts: how they are named, what they take, and that none lets an agent say who it is."""

from collections.abc import Iterator

from monolith.composition import composed
from monolith.contracts.contract import contract_of
from monolith.contracts.registry import message_and_fix, promises_of
from monolith.errors import CompositionError
from monolith.module import Module
from monolith.tools.prompts import prompt_problems
from monolith.tools.registry import shared_names, tool_problems
from monolith.tools.resources import resource_problems
from monolith.verification.loading import failure
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation


def tool_violations(system: System) -> Iterator[Violation]:
    """Yield everything that is wrong with tools. Needs loaded apps."""
    sound: list[Module] = []
    for module in composed().modules.values():
        try:
            problems = [*tool_problems(module), *resource_problems(module), *prompt_problems(module)]
        except CompositionError:  # its contract is what is wrong, and that is told there
            continue
        except Exception as error:  # noqa: BLE001 (whatever tools.py raises is what is wrong with it)
            yield failure(system, error)
            continue
        if not problems:
            sound.append(module)
        for problem in problems:
            yield _violation(system, module, problem)
    for module, problem in shared_names(sound):
        yield _violation(system, module, problem)


def _violation(system: System, module: Module, problem: str) -> Violation:
    message, fix = message_and_fix(problem)
    place = _place(system, module, message)
    return Violation(place=place, code=Code.TOOLS_DECLARATION, module=module.name, message=message, fix=fix)


def _place(system: System, module: Module, message: str) -> Place:
    """Return where the function or operation is that a message begins with: as apps.huts.tools.find, or huts.find."""
    said = message.partition(" ")[0].partition("(")[0].rstrip(":")
    file = system.source_of(module.tools_module)
    if file is not None and said.startswith(f"{file.name}."):
        return Place(file.path, file.lines.get(said.removeprefix(f"{file.name}."), 1))
    for promise in promises_of(module):
        for operation in contract_of(promise.interface).operations.values():
            if operation.label == said:
                return system.place_of(promise.interface, operation.name)
    return Place()
