"""`up --split`: some modules in private processes of their own, beside the one that has the rest."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from django.core.management.base import CommandError

from monolith.composition import Composition
from monolith.environment import remote_urls
from monolith.profile import Profile
from monolith.serving.child import ProcessSpec
from monolith.serving.deployables import make_keys, process_environment


def split(
    specs: Sequence[ProcessSpec],
    alone: Sequence[ProcessSpec],
    *,
    composition: Composition,
    environ: Mapping[str, str],
    directory: Path,
) -> list[ProcessSpec]:
    """Return the servers of every tier and those of the modules that are `alone`, each told where the others are.

    A server that is alone has the name of its module.
    """
    declared = composition.declared
    names = [spec.name for spec in alone]
    rest = [name for name in composition.modules if name not in names]
    private = next(spec for spec in specs if spec.name == Profile.PRIVATE.value)
    addresses = dict.fromkeys(rest, private.origin) | {spec.name: spec.origin for spec in alone}
    keys = make_keys({other for module in declared.values() for other in module.requires}, environ)

    def told(spec: ProcessSpec, here: Collection[str]) -> ProcessSpec:
        environment = process_environment(
            here,
            environ=environ,
            declared=declared,
            addresses=addresses | remote_urls(environ),
            keys=keys,
            directory=directory / "split" / spec.name,
        )
        return replace(spec, environment=environment)

    return [
        *(told(spec, rest) if spec is private else spec for spec in specs),
        *(told(spec, [spec.name]) for spec in alone),
    ]


def require_splittable(names: Collection[str], composition: Composition) -> None:
    """Make sure that modules can be taken out of the private process. Raises CommandError."""
    known = composition.modules
    if unknown := sorted(set(names) - known.keys()):
        raise CommandError(f"--split names {', '.join(unknown)}; the modules are {', '.join(known)}.")
    if known.keys() <= set(names):
        raise CommandError("--split leaves no module in the private process; leave one out.")
