"""What models and migrations tie together, from the app registry: Django's checks, with the place."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.checks import CheckMessage
from django.db.migrations import Migration
from django.db.models import Field, Model

from monolith import checks
from monolith.checks import Declared
from monolith.composition import composed
from monolith.verification.loading import failure
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

# Every check of a module's models has its code here; a check's id is for Django, a code for whoever reads violations.
CODES: Final[Mapping[str, Code]] = {
    "monolith.E002": Code.RELATIONS_APP_LABEL,
    "monolith.E003": Code.RELATIONS_FIELD,
    "monolith.E004": Code.RELATIONS_TABLE,
    "monolith.E005": Code.DECLARATIONS_PUBLIC_RELATION,
    "monolith.E006": Code.RELATIONS_MIGRATION,
    "monolith.E008": Code.RELATIONS_MODEL_LABEL,
}


def relation_violations(system: System) -> Iterator[Violation]:
    """Yield what the system checks of models and migrations find. Needs loaded apps."""
    for check in (checks.check_apps, checks.check_models, checks.check_migrations):
        try:
            messages = check(None)
        except Exception as error:  # noqa: BLE001 (whatever a migration's file raises is what is wrong with it)
            yield failure(system, error)
            continue
        yield from (_violation(system, message) for message in messages)


def _violation(system: System, message: CheckMessage) -> Violation:
    module, place = _subject(system, message.obj)
    return Violation(
        place=place,
        code=CODES[str(message.id)],
        module=module,
        message=message.msg.rstrip("."),
        fix=(message.hint or "").rstrip("."),
    )


def _subject(system: System, thing: Any) -> tuple[str, Place]:
    match thing:
        case Declared(module, value):
            return module, system.declared_at(module, value)
        case Migration():
            return thing.app_label, system.place_of(type(thing), "dependencies")
        case Field(model=model):
            return _module(system, model), system.place_of(model, thing.name)
    if isinstance(thing, type) and issubclass(thing, Model):
        return _module(system, thing), system.place_of(thing)
    return str(thing), system.declared_at(str(thing))


def _module(system: System, model: type[Model]) -> str:
    return system.owner_of(model.__module__) or composed().module_of_label(model._meta.app_label)
