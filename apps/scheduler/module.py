"""scheduler: what runs and when in all modules, and the hand on it."""

from monolith.module import Module, Tier

module = Module(
    name="scheduler",
    tier=Tier.PRIVATE,
    title="Scheduler",
    summary="What runs and when, across modules: jobs, schedules, what is stuck, orphaned or dead.",
    routes="apps.scheduler.routes",
    steers_jobs=True,
)
