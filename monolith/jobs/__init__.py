"""Jobs: functions of modules that run later, in workers. `docs/how-to/jobs.md` shows them."""

from monolith.jobs.messages import JobFinished
from monolith.jobs.runner import GiveUp, JobLost, JobNotRunning, LeaseExpired, WorkerDied, completing
from monolith.jobs.singleton import Leadership, LeaseLost, Singleton, Work, singleton
from monolith.jobs.task import ONCE, CatchUp, ModuleTask, Retry, Timing, task

__all__ = [
    "ONCE",
    "CatchUp",
    "GiveUp",
    "JobFinished",
    "JobLost",
    "JobNotRunning",
    "Leadership",
    "LeaseExpired",
    "LeaseLost",
    "ModuleTask",
    "Retry",
    "Singleton",
    "Timing",
    "Work",
    "WorkerDied",
    "completing",
    "singleton",
    "task",
]
