"""Strings that find another module's code or models: what no import checker sees."""

import re
from collections.abc import Iterator
from typing import Final

from monolith.module import HOST_LABELS
from monolith.verification.imports import way_to
from monolith.verification.source import GAP, Argument, Call, Source
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.\w+)+")
# Of Django's registry, or of the one that a migration's function is given.
_MODEL_LOOKUPS: Final = frozenset({"get_model", "get_registered_model", "get_app_config"})
_CONTENT_TYPES: Final = "django.contrib.contenttypes.models.ContentType"


def lookup_violations(system: System) -> Iterator[Violation]:
    """Yield every string that names what is another module's."""
    for module, files in system.sources.items():
        for file in files:
            yield from _code(system, module, file)
            yield from _models(system, module, file)
            yield from _content_types(system, module, file)


def _code(system: System, module: str, file: Source) -> Iterator[Violation]:
    for text in file.texts:
        # Up to what is known only when it runs; an entry point has a colon.
        name = text.value.partition(GAP)[0].rstrip(".").replace(":", ".")
        owner = system.owner_of(name) if _DOTTED.fullmatch(name) else None
        if owner not in (None, module):
            yield Violation(
                place=Place(file.path, text.line),
                code=Code.LOOKUPS_CODE,
                module=module,
                message=f"names {text.value!r}, which is code of module '{owner}'",
                fix=way_to(system, name),
            )


def _models(system: System, module: str, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        label = (
            _text(call.argument(0, "app_label")).partition(".")[0] if call.method in _MODEL_LOOKUPS else ""
        )
        if label in HOST_LABELS or (label in system.modules and label != module):
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.LOOKUPS_MODEL,
                module=module,
                message=f"looks up {_shown(call)} in the registry, which is {_whose(system, label)}",
                fix=_fix(system, label),
            )


def _content_types(system: System, module: str, file: Source) -> Iterator[Violation]:
    for call in file.calls:
        given = (
            (*call.arguments, *call.keywords.values()) if call.name.startswith(f"{_CONTENT_TYPES}.") else ()
        )
        for label in sorted({_text(argument) for argument in given} & system.modules.keys() - {module}):
            yield Violation(
                place=Place(file.path, call.line),
                code=Code.LOOKUPS_CONTENT_TYPE,
                module=module,
                message=f"looks up content types of module '{label}', which lead to its models",
                fix=_fix(system, label),
            )


def _text(argument: Argument | None) -> str:
    return (argument.text if argument else None) or ""


def _shown(call: Call) -> str:
    given = (*call.arguments, *call.keywords.values())
    return ".".join(text for argument in given[:2] if (text := argument.text))


def _whose(system: System, label: str) -> str:
    return f"of module '{label}'" if label in system.modules else "Django's own: the host's"


def _fix(system: System, label: str) -> str:
    if label in system.modules:
        return way_to(system, system.modules[label].django_app)
    return "keep what the module needs of it in a table of its own; of a user, the id"
