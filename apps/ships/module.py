"""The ships module: what it is and what it lends."""

from monolith.module import DefinerFunction, Module, PublicRelation, Tier

module = Module(
    name="ships",
    tier=Tier.BOTH,
    title="Ships",
    summary="AIS tracking: where vessels are, where they went, and where traffic is dense.",
    requires=("compliance",),  # asked before sentences are taken in
    routes="apps.ships.routes",
    # All of it is broadcast on open radio. IngestCursor and RejectedMessage say how this system runs: private.
    public_relations=(
        PublicRelation(name="ships_vessel"),
        PublicRelation(name="ships_position"),
        PublicRelation(name="ships_latestposition"),
        PublicRelation(name="ships_heatcell"),
        PublicRelation(name="ships_heatcellhistorical"),
    ),
    # The serving role has no DDL; making and retiring a day's partition is lent to it.
    definer_functions=(
        DefinerFunction(signature="ensure_partitions(date, date)"),
        DefinerFunction(signature="drop_partition(date)"),
    ),
    sample_data="apps.ships.sample.load",
)
