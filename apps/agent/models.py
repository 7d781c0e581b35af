"""The tables of agent. Each row is a tenant's: `tenant_id` leads every key and index, and row-level security holds it.

Django knows `id` alone as the primary key; in the database it is (tenant_id, id).
"""

from typing import Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from monolith.tenancy.fields import TenantField


class Status(models.TextChoices):
    """Where a call stands. A trigger lets it move from top to bottom only, and the last two never."""

    SCHEDULED = "Scheduled"  # waits for its due time
    RUNNING = "Running"  # its attempt was ordered
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


TERMINAL: Final = (Status.SUCCEEDED, Status.FAILED)


class Submission(models.Model):
    """What the API took: which idempotency key stands for which request. `id` is that of the call."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    idempotency_key = models.CharField(max_length=200)
    digest = models.CharField(
        max_length=64, help_text="SHA-256 of name, request and due time, in hexadecimal."
    )
    name = models.CharField(max_length=120)
    request = models.JSONField()
    due_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=200, default="")
    command_id = models.CharField(max_length=36, default="", help_text="SubmitServiceCall, as it was sent.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "idempotency_key"], name="agent_submission_key")
        ]
        indexes = [models.Index(fields=["tenant_id", "created_at"], name="agent_submission_age")]

    def __str__(self) -> str:
        return f"{self.idempotency_key} of {self.tenant_id}"


class ServiceCall(models.Model):
    """A call to an outside service. Orchestration alone writes here."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=120)
    request = models.JSONField()
    due_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.SCHEDULED)
    idempotency_key = models.CharField(max_length=200)
    outcome = models.JSONField(
        null=True, help_text="How it ended: its reason or its answer, redacted and cut."
    )
    correlation_id = models.CharField(max_length=200, help_text="What everything about the call belongs to.")
    command_id = models.CharField(
        max_length=36, help_text="The message that brought it: the root of all others."
    )
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-due_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "idempotency_key"], name="agent_call_key"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="agent_call_status"),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, outcome__isnull=False, ended_at__isnull=False)
                | Q(~Q(status__in=TERMINAL), outcome=None, ended_at=None),
                name="agent_call_outcome",
            ),
        ]
        indexes = [
            models.Index(
                "tenant_id", models.F("due_at").desc(), models.F("id").desc(), name="agent_call_due"
            ),
            models.Index("tenant_id", "status", models.F("due_at").desc(), name="agent_call_by_status"),
            models.Index(
                fields=["tenant_id", "ended_at"], condition=Q(ended_at__isnull=False), name="agent_call_ended"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class Timer(models.Model):
    """When a call is due. `id` is that of the call; the timer itself is a message that waits in the outbox."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    message_id = models.UUIDField(help_text="DueTimeReached: the message that waits.")
    due_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        indexes = [models.Index(fields=["tenant_id", "due_at"], name="agent_timer_due")]

    def __str__(self) -> str:
        return f"{self.id} at {self.due_at}"


class Attempt(models.Model):
    """The one attempt of a call. `id` is that of the call, so there is no second one."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    message_id = models.UUIDField(help_text="StartExecution: the message that ordered it.")
    ordered_at = models.DateTimeField(db_default=Now())
    give_up_at = models.DateTimeField(help_text="When the watchdog takes its outcome for unknown.")
    run = models.CharField(
        max_length=100, default="", help_text="Which worker makes it; empty until it says so."
    )
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    headers = models.JSONField(default=dict, help_text="Those that were sent, redacted.")

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(
                fields=["tenant_id", "give_up_at"], condition=Q(ended_at=None), name="agent_attempt_open"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Lock(models.Model):
    """A name that one holder has at a time. Its id is the holder's proof: whoever takes it over gets another."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)
    holder = models.CharField(max_length=200)
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["tenant_id", "name"], name="agent_lock_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.holder}"


class RoutineStatus(models.TextChoices):
    """Where a routine job stands."""

    READY = "Ready"
    CLAIMED = "Claimed"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"  # its claim ran out: a person says what became of it


class RoutineJob(models.Model):
    """Work that an outside agent takes, shows that it lives while at it, and reports on."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=120)
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=9, choices=RoutineStatus.choices, default=RoutineStatus.READY)
    claim_id = models.UUIDField(null=True, help_text="The claimant's proof.")
    claimed_by = models.CharField(max_length=200, default="")
    claim_expires_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    resolved_by = models.CharField(max_length=200, default="", help_text="Who said what became of it.")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RoutineStatus.values), name="agent_routine_status"),
            models.CheckConstraint(
                condition=~Q(status=RoutineStatus.CLAIMED)
                | Q(claim_id__isnull=False, claim_expires_at__isnull=False),
                name="agent_routine_claim",
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "claim_id"],
                condition=Q(claim_id__isnull=False),
                name="agent_routine_claim_key",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "status", "created_at"], name="agent_routine_by_status"),
            models.Index(
                "tenant_id",
                models.F("created_at").desc(),
                models.F("id").desc(),
                name="agent_routine_newest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class DecisionStatus(models.TextChoices):
    """Where a decision stands. One that is open past its time is expired, written down or not."""

    OPEN = "Open"
    DECIDED = "Decided"
    EXPIRED = "Expired"


class Decision(models.Model):
    """A question that an outside agent puts to a person, with the answers to choose from, until it expires."""

    tenant_id = TenantField()
    id = models.UUIDField(primary_key=True)
    question = models.CharField(max_length=500)
    options = models.JSONField()
    status = models.CharField(max_length=7, choices=DecisionStatus.choices, default=DecisionStatus.OPEN)
    choice = models.CharField(max_length=100, default="")
    decided_by = models.CharField(max_length=200, default="")
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=DecisionStatus.values), name="agent_decision_status"
            ),
            models.CheckConstraint(
                condition=Q(status=DecisionStatus.DECIDED, decided_at__isnull=False)
                | Q(~Q(status=DecisionStatus.DECIDED), choice="", decided_at=None),
                name="agent_decision_choice",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "status", "expires_at"], name="agent_decision_expiry"),
            models.Index(
                "tenant_id",
                models.F("created_at").desc(),
                models.F("id").desc(),
                name="agent_decision_newest",
            ),
        ]

    def __str__(self) -> str:
        return self.question


class Tenant(models.Model):
    """The tenants that have rows here: the watchdog goes by it. The one table without row-level security."""

    id = models.TextField(primary_key=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.id
