"""The map of the system for everyone: modules, their tiers, and which calls which, as they are declared."""

from collections.abc import Iterable, Mapping

from apps.home.models import PublicNode, PublicStatus
from apps.home.slo import worst
from contracts.home import Status
from monolith import Tier, composed
from monolith.module import Module

TIERS = (("public", Tier.PUBLIC), ("private", Tier.PRIVATE))


def nodes(statuses: Iterable[PublicStatus]) -> list[PublicNode]:
    """Return a node for every declared module, with the worst status of its services.

    No secret, address or role is part of it.
    """
    by_module: dict[str, list[Status]] = {}
    for status in statuses:
        by_module.setdefault(status.module, []).append(Status(status.status))
    declared = composed().declared.values()
    return [_node(module, position, by_module) for position, module in enumerate(declared)]


def _node(module: Module, position: int, by_module: Mapping[str, list[Status]]) -> PublicNode:
    return PublicNode(
        name=module.name,
        title=module.display_title,
        summary=module.summary,
        tiers=[name for name, tier in TIERS if tier in module.tier],
        requires=list(module.requires),
        status=worst(by_module.get(module.name, [])),
        position=position,
    )
