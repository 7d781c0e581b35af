"""Who may call tools, what people decided about calls, and every call that was made."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from monolith.events.ids import uuid7

NAME = 80
TENANT = 100


class Token(models.Model):
    """What an agent shows to call tools. Its secret is shown once and kept as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=NAME, unique=True, help_text="What or whom it is for.")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)  # SHA-256 of 256 random bits
    tenant = models.CharField(
        max_length=TENANT,
        blank=True,
        help_text="On whose data its calls act; empty where there are no tenants.",
    )
    scopes = models.JSONField(
        default=list,
        help_text="What it may call: tag and module, as in read:knowledge; read:* is of every module.",
    )
    made_by = models.CharField(max_length=150, editable=False)
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    calls_a_minute = models.PositiveIntegerField(default=120)
    units_a_day = models.PositiveIntegerField(default=10_000, help_text="A call costs one, dear tools more.")
    # The bucket of calls, and what was spent on a day (UTC); written by queries/charge.sql alone.
    calls_left = models.FloatField(default=0, editable=False)
    filled_at = models.DateTimeField(null=True, editable=False)
    spent_units = models.PositiveIntegerField(default=0, editable=False)
    spent_on = models.DateField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        db_table = "monolith_tools_token"

    def __str__(self) -> str:
        return self.name


class Decision(models.Model):
    """A person's word on one call of a restricted tool: it may happen once, with just these arguments, for a while."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REFUSED = "refused"
        USED = "used"  # by the call `call_id`; the audit says how that ended
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    token = models.ForeignKey(Token, on_delete=models.CASCADE, editable=False)
    tool = models.CharField(max_length=100, editable=False)
    arguments = models.JSONField(editable=False)  # as they are shown to the person, nothing left out
    fingerprint = models.BinaryField(max_length=32, editable=False)  # SHA-256 of the canonical arguments
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.CharField(max_length=150, blank=True, editable=False)
    call_id = models.UUIDField(null=True, editable=False)  # the entry of the audit that used it

    class Meta:
        ordering: ClassVar = ["-asked_at"]
        db_table = "monolith_tools_decision"
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="monolith_tools_decision_over")]
        constraints: ClassVar = [
            # One open question for the same call, however often an agent asks.
            models.UniqueConstraint(
                fields=["token", "tool", "fingerprint"],
                condition=models.Q(status__in=["pending", "approved"]),
                name="monolith_tools_decision_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.status}"


class ToolCall(models.Model):
    """One call, and how it ended. The table only grows, and lets go of what is old (migrations 0002 and 0003)."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running, or nobody saw its end"  # kept before what may change something begins
        SUCCEEDED = "succeeded"
        REFUSED = "refused"  # by the tool itself, or what it gave is too long to tell
        INVALID = "invalid"  # its arguments are none
        FORBIDDEN = "forbidden"  # outside the token's scopes, or no such tool
        LIMITED = "limited"  # too many calls, or too dear
        UNDECIDED = "undecided"  # a person has to decide first, or decided against it
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=Now())
    token_id = models.UUIDField()  # no foreign key: the record outlives the token
    token_name = models.CharField(max_length=NAME)
    tenant = models.CharField(max_length=TENANT, blank=True)
    tool = models.CharField(max_length=100)
    tag = models.CharField(max_length=10, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    detail = models.CharField(max_length=500, blank=True)
    arguments = models.JSONField(default=dict)  # without secrets, and cut
    duration_ms = models.FloatField()
    units = models.PositiveIntegerField(default=0)
    correlation = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering: ClassVar = ["-at"]
        db_table = "monolith_tools_call"
        indexes: ClassVar = [
            models.Index(fields=["-at"], name="monolith_tools_call_at"),
            models.Index(fields=["token_id", "-at"], name="monolith_tools_call_token"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.outcome}"
