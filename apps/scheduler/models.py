"""The tables of scheduler. Jobs and schedules are not among them: those are rows of the modules that they belong to.

Runs are: what modules said of their jobs when they ended.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone


class Verb(models.TextChoices):
    """What can be done by hand."""

    RUN = "run", "run now"
    REPLAY = "replay"
    DISCARD = "discard"
    ENABLE = "enable", "enable a schedule"
    DISABLE = "disable", "disable a schedule"


class SteeringAction(models.Model):
    """One thing that was done by hand to a module's jobs or schedules. Written before it is done."""

    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.CharField(max_length=200, help_text="A subject: user:7, module:chat.")
    verb = models.CharField(max_length=10, choices=Verb.choices)
    module = models.CharField(max_length=39)
    task = models.CharField(max_length=300, blank=True, default="")
    job = models.BigIntegerField(null=True, blank=True, help_text="Its id in its module.")
    outcome = models.CharField(
        max_length=500, blank=True, default="", help_text="`done`, or why not; empty: nobody knows."
    )

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [models.Index(fields=["module", "job"], name="scheduler_action_job")]
        constraints = [
            models.CheckConstraint(condition=Q(verb__in=Verb.values), name="scheduler_action_verb"),
            models.CheckConstraint(condition=~Q(by=""), name="scheduler_action_by"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.module}{f'/{self.job}' if self.job else ''} by {self.by}"


class Run(models.Model):
    """How one job of some module ended: the last ones of each task that has a schedule, and dead letters."""

    module = models.CharField(max_length=39)
    task = models.CharField(max_length=300, help_text="Its dotted name.")
    job = models.BigIntegerField(help_text="Its id in its module, which may have forgotten it.")
    schedule = models.CharField(
        max_length=300, blank=True, default="", help_text="Which one fired it; empty when none did."
    )
    outcome = models.CharField(max_length=20, help_text="succeeded or dead")
    attempts = models.PositiveIntegerField()
    enqueued_at = models.DateTimeField()
    started_at = models.DateTimeField(help_text="When its last attempt began.")
    finished_at = models.DateTimeField()
    error = models.CharField(
        max_length=200, blank=True, default="", help_text="Type of the error of one that is dead."
    )

    class Meta:
        ordering = ["-finished_at", "-id"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["module", "task", "-finished_at", "-id"], name="scheduler_run_task"),
            models.Index(fields=["-finished_at", "-id"], name="scheduler_run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.module}/{self.job} {self.outcome}"

    @property
    def duration_s(self) -> float:
        """How long its last attempt took."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def age_s(self) -> float:
        """How long ago it ended."""
        return (timezone.now() - self.finished_at).total_seconds()


class Job(SteeringAction):
    """Stands for the jobs of all modules where Django wants a model: in the admin's index, and to carry permissions.

    It has no rows of its own; the admin's page asks the modules.
    """

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = [("steer_job", "Can run, replay and discard jobs of all modules")]
