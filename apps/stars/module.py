"""stars: dark-sky sites, and the nights in which they are dark and clear."""

from monolith.module import Module, PublicRelation, Tier

module = Module(
    name="stars",
    tier=Tier.BOTH,
    title="Stars",
    summary="Dark-sky sites, their nights, and where the sun and the moon stand.",
    routes="apps.stars.routes",
    # All their rows are public. stars_siteforecast holds how this system's questions ended, stars_toldnight what it
    # told others: private.
    public_relations=(
        PublicRelation(name="stars_site"),
        PublicRelation(name="stars_sitehour"),
        PublicRelation(name="stars_nighttable"),
        PublicRelation(name="stars_sitemonthstat"),
        PublicRelation(name="stars_sitemonthclimatology"),
    ),
    sample_data="apps.stars.sample.load",
)
