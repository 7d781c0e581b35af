"""Jobs: functions of modules that run later, in workers. `docs/how-to/jobs.md` shows them."""

from monolith.jobs.runner import JobLost, completing
from monolith.jobs.singleton import Leadership, LeaseLost, Singleton, Work, singleton
from monolith.jobs.task import ONCE, CatchUp, ModuleTask, Retry, Timing, task

__all__ = [
    "ONCE",
    "CatchUp",
    "JobLost",
    "Leadership",
    "LeaseLost",
    "ModuleTask",
    "Retry",
    "Singleton",
    "Timing",
    "Work",
    "completing",
    "singleton",
    "task",
]
