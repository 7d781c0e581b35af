"""hikes: walks, and the hours in which their weather is good."""

from monolith.module import Module, PublicRelation, Tier

module = Module(
    name="hikes",
    tier=Tier.BOTH,
    title="Hikes",
    summary="Walks, and the hours in which their weather is good.",
    requires=("stars",),  # daylight, asked for by a refresh
    routes="apps.hikes.routes",
    # Tables of public rows; hikes_walk holds drafts and files, hikes_forecastfetch how this system runs: private.
    public_relations=(
        PublicRelation(name="hikes_public_walk"),
        PublicRelation(name="hikes_window"),
    ),
    sample_data="apps.hikes.sample.load",
)
