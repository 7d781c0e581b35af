"""hikes: walks, and the hours in which their weather is good."""

from monolith.module import Module, PublicRelation, Tier

module = Module(
    name="hikes",
    tier=Tier.BOTH,
    title="Hikes",
    summary="Walks, and the hours in which their weather is good.",
    routes="apps.hikes.routes",
    public_relations=(
        PublicRelation(name="hikes_public_walk"),
        PublicRelation(name="hikes_public_window"),
    ),
    sample_data="apps.hikes.sample.load",
)
