"""home: how the system does, measured from outside and told to everyone with its age."""

from monolith.module import Module, Need, PublicRelation, Tier

module = Module(
    name="home",
    tier=Tier.BOTH,
    title="Home",
    summary="Status, service levels and topology of the system, measured from outside; today's calendar.",
    requires=("compliance",),  # asked before a service level is changed
    needs=(Need.ANALYTICS,),  # for the raw samples
    routes="apps.home.routes",
    # Snapshots written for everyone. What is measured, how, and every single sample is private.
    public_relations=(
        PublicRelation(name="home_public_snapshot"),
        PublicRelation(name="home_public_status"),
        PublicRelation(name="home_public_stat"),
        PublicRelation(name="home_public_node"),
    ),
    sample_data="apps.home.sample.load",
)
