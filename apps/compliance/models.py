"""The tables of compliance: what actions need, who holds it, and the record of both and of every decision."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Now
from django.utils import timezone

from apps.compliance import patterns


class Rule(models.Model):
    """What an action needs. All rules that match must be met; without one that matches, nobody may."""

    action = models.CharField(
        max_length=patterns.MAX_LENGTH,
        validators=[patterns.validate_pattern],
        help_text="A pattern: ships.ingest, knowledge.* or *.",
    )
    resource = models.CharField(
        max_length=patterns.MAX_LENGTH,
        default=patterns.ANYTHING,
        validators=[patterns.validate_pattern],
        help_text="The rule is for resources of this pattern: source:*, or * for all.",
    )
    right = models.CharField(
        max_length=patterns.MAX_LENGTH,
        validators=[patterns.validate_right],
        help_text="The right that a subject needs for it: knowledge.publish.",
    )
    notice_days = models.PositiveSmallIntegerField(
        default=7, help_text="The gate says expiring when the right ends within so many days."
    )
    reason = models.CharField(max_length=500, blank=True, default="", help_text="Why, for the next reader.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it no longer applies."
    )

    class Meta:
        ordering = ["action", "resource", "right", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action__regex=patterns.PATTERN), name="compliance_rule_action"
            ),
            models.CheckConstraint(
                condition=Q(resource__regex=patterns.PATTERN), name="compliance_rule_resource"
            ),
            models.CheckConstraint(condition=Q(right__regex=patterns.RIGHT), name="compliance_rule_right"),
            models.UniqueConstraint(
                fields=["action", "resource", "right"],
                condition=Q(ended_at=None),
                name="compliance_rule_once",
                violation_error_message="There is such a rule already; change that one.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} needs {self.right}"

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Raise ValidationError for a rule that is there already, also where a form does not show `ended_at`."""
        super().validate_constraints(set(exclude or ()) - {"ended_at"})


class Grant(models.Model):
    """A right that a subject holds. It is ended, not deleted: who held what is part of the record."""

    tenant = models.CharField(
        max_length=patterns.MAX_LENGTH,
        blank=True,
        default="",
        help_text="Empty where there is one tenant only.",
    )
    subject = models.CharField(
        max_length=patterns.MAX_LENGTH,
        validators=[patterns.validate_subject],
        help_text="A pattern: user:7, command:ingest_nmea, user:* or *.",
    )
    right = models.CharField(
        max_length=patterns.MAX_LENGTH,
        validators=[patterns.validate_right],
        help_text="As rules name it: knowledge.publish.",
    )
    resource = models.CharField(
        max_length=patterns.MAX_LENGTH,
        default=patterns.ANYTHING,
        validators=[patterns.validate_pattern],
        help_text="The right holds for resources of this pattern: source:*, or * for all.",
    )
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="Holds until then; empty for as long as nobody ends it."
    )
    reason = models.CharField(max_length=500, blank=True, default="", help_text="Why, for the next reader.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["tenant", "subject", "right", "id"]
        indexes = [models.Index(fields=["tenant", "right", "subject"], name="compliance_grant_held")]
        constraints = [
            models.CheckConstraint(
                condition=Q(subject__regex=patterns.SUBJECT), name="compliance_grant_subject"
            ),
            models.CheckConstraint(condition=Q(right__regex=patterns.RIGHT), name="compliance_grant_right"),
            models.CheckConstraint(
                condition=Q(resource__regex=patterns.PATTERN), name="compliance_grant_resource"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} holds {self.right} on {self.resource}"

    def clean(self) -> None:
        """Raise ValidationError for a new grant that is over before it begins."""
        if self._state.adding and self.ends_at is not None and self.ends_at <= timezone.now():
            raise ValidationError({"ends_at": "This moment is over; choose one to come, or none."})

    def holds_at(self, moment: datetime) -> bool:
        """Say whether the grant has not ended at `moment`."""
        return self.ends_at is None or self.ends_at > moment


class Event(models.TextChoices):
    """What an audit entry is about; those of rules and grants are written by triggers."""

    CHECK = "check"
    RULE_MADE = "rule.made"
    RULE_CHANGED = "rule.changed"
    RULE_DELETED = "rule.deleted"
    GRANT_MADE = "grant.made"
    GRANT_CHANGED = "grant.changed"
    GRANT_DELETED = "grant.deleted"


class AuditEntry(models.Model):
    """One decision or one change. PostgreSQL numbers, chains and keeps it: nothing else may write here.

    `hash` is SHA-256, in hexadecimal, of `previous` followed by `content` as PostgreSQL prints jsonb.
    """

    tenant = models.CharField(max_length=patterns.MAX_LENGTH)
    position = models.BigIntegerField(help_text="In its tenant's chain, from 1.")
    previous = models.CharField(max_length=64, help_text="The hash of the entry before.")
    hash = models.CharField(max_length=64)
    content = models.JSONField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        indexes = [models.Index(KT("content__subject"), F("id").desc(), name="compliance_audit_subject")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "position"], name="compliance_audit_position")
        ]

    def __str__(self) -> str:
        return f"{self.tenant or 'default tenant'}, {self.position}"

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.content["at"])

    @property
    def event(self) -> str:
        return str(self.content["event"])

    @property
    def by(self) -> str:
        return str(self.content["by"])

    @property
    def details(self) -> dict[str, Any]:
        """What the entry is about, without what the chain itself adds to every entry."""
        return {name: value for name, value in self.content.items() if name not in _ON_EVERY_ENTRY}


_ON_EVERY_ENTRY = frozenset({"tenant", "position", "at", "event", "by"})


class AuditHead(models.Model):
    """The newest entry of each tenant's chain; its row lock is what puts entries in a row."""

    tenant = models.CharField(max_length=patterns.MAX_LENGTH, primary_key=True)
    position = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.tenant or 'default tenant'}, {self.position}"
