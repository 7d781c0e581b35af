"""compliance: the one gate that is asked before a write, and the record of what it said."""

from monolith.module import Module, Tier

module = Module(
    name="compliance",
    tier=Tier.PRIVATE,
    title="Compliance",
    summary="The one gate that is asked before a write, and the record of what it said.",
    routes="apps.compliance.routes",
    sample_data="apps.compliance.sample.load",
)
