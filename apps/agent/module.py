"""agent: calls to outside services, submitted by tenants and made once, at their due time."""

from monolith.module import Module, OutsideConsumer, Tier

module = Module(
    name="agent",
    tier=Tier.PRIVATE,
    title="Agent",
    summary="Calls to outside services, made once at their due time; locks, routine jobs and decisions for agents.",
    requires=("compliance",),  # asked before a tenant's rows are written
    routes="apps.agent.routes",
    consumers=(OutsideConsumer(name="agent_execution", types=("agent.StartExecution",)),),
    tenant_tables=(
        "agent_submission",
        "agent_servicecall",
        "agent_timer",
        "agent_attempt",
        "agent_lock",
        "agent_routinejob",
        "agent_decision",
    ),
    sample_data="apps.agent.sample.load",
)
