"""knowledge: a wiki of notes that link to each other, private until published."""

from monolith.module import Module, PublicRelation, Tier

module = Module(
    name="knowledge",
    tier=Tier.BOTH,
    title="Knowledge",
    summary="A wiki of markdown notes with a graph of their links and search; private until published.",
    requires=("compliance",),
    routes="apps.knowledge.routes",
    # Tables of public rows, kept by triggers; every other table has private rows.
    public_relations=(
        PublicRelation(name="knowledge_public_note"),
        PublicRelation(name="knowledge_public_chunk"),
        PublicRelation(name="knowledge_public_link"),
    ),
    extensions=("vector",),
    sample_data="apps.knowledge.sample.load",
)
