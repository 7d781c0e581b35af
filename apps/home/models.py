"""The tables of home. The last four hold snapshots for everyone, and no private row: ADR 0004."""

from decimal import Decimal
from typing import Any, Final

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from contracts.home import Status

STATUSES: Final = [(status.value, status.value) for status in Status]
PATH: Final = r"^/([!-.0-~][!-~]*)?$"  # printable ASCII; not //, which would name a host
SLUG: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
WEEK_MINUTES: Final = 7 * 24 * 60
MAX_WINDOW_MINUTES: Final = 30 * 24 * 60
MAX_TIMEOUT_MS: Final = 10_000


class Failure(models.TextChoices):
    """Why a probe was not good."""

    NONE = ""
    STATUS = "status", "another status than expected"
    TIMEOUT = "timeout", "no answer, or no end of it, in time"
    UNREACHABLE = "unreachable", "no connection"
    PROTOCOL = "protocol", "an answer that is no HTTP"


def _percent(*, null: bool = False, **options: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=6, decimal_places=3, null=null, **options)


def _minutes(**options: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=9, decimal_places=2, **options)


class Service(models.Model):
    """Something that is measured by asking for one of its pages once a minute, and what is expected of it."""

    slug = models.SlugField(max_length=80, unique=True, validators=[RegexValidator(SLUG)])
    name = models.CharField(max_length=120)
    module = models.CharField(
        max_length=39,
        blank=True,
        default="",
        help_text="The module that answers, if it is one of this system.",
    )
    origin = models.CharField(
        max_length=200, blank=True, default="", help_text="http(s)://host:port; empty: the public tier."
    )
    path = models.CharField(max_length=500, validators=[RegexValidator(PATH)], help_text="/healthz")
    expected_status = models.PositiveSmallIntegerField(
        default=200, validators=[MinValueValidator(100), MaxValueValidator(599)]
    )
    timeout_ms = models.PositiveIntegerField(
        default=5000, validators=[MinValueValidator(100), MaxValueValidator(MAX_TIMEOUT_MS)]
    )
    target_pct = _percent(
        default=Decimal("99.5"), help_text="So much of the probes in the window is to be good."
    )
    window_minutes = models.PositiveIntegerField(default=WEEK_MINUTES)
    active = models.BooleanField(default=True, help_text="Off: not probed and not shown; its history stays.")
    answered_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Its first answer. Before it, an address without one is no outage.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="home_service_slug_form"),
            models.CheckConstraint(condition=Q(path__regex=PATH), name="home_service_path_form"),
            models.CheckConstraint(
                condition=Q(expected_status__range=(100, 599)) & Q(timeout_ms__range=(100, MAX_TIMEOUT_MS)),
                name="home_service_probe",
            ),
            models.CheckConstraint(
                condition=Q(target_pct__gt=0, target_pct__lte=100)
                & Q(window_minutes__range=(60, MAX_WINDOW_MINUTES)),
                name="home_service_objective",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProbeSample(models.Model):
    """How one probe went. Here where PostgreSQL keeps the samples; apps/home/samples says where else they may be."""

    service = models.ForeignKey(Service, on_delete=models.DB_CASCADE, related_name="samples")
    at = models.DateTimeField()
    good = models.BooleanField()
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the answer; null: there was none.")
    latency_ms = models.FloatField(null=True, help_text="Until the end of the answer; null: there was none.")
    failure = models.CharField(max_length=12, choices=Failure.choices, blank=True, default=Failure.NONE)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["at"], name="home_sample_at")]
        constraints = [
            models.UniqueConstraint(fields=["service", "at"], name="home_sample_once"),
            models.CheckConstraint(
                condition=Q(good=True, failure="") | (Q(good=False) & ~Q(failure="")),
                name="home_sample_failure_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} UTC"


class SloSnapshot(models.Model):
    """What a service's window said at one moment, by the objective of that moment."""

    service = models.ForeignKey(Service, on_delete=models.DB_CASCADE, related_name="slo_snapshots")
    at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=STATUSES)
    total = models.PositiveIntegerField()
    good = models.PositiveIntegerField()
    availability_pct = _percent(null=True)
    target_pct = _percent()
    window_minutes = models.PositiveIntegerField()
    budget_minutes = _minutes()
    left_minutes = _minutes(help_text="Of the budget; negative when more than all of it is spent.")
    latency_p50_ms = models.FloatField(null=True)
    latency_p95_ms = models.FloatField(null=True)
    latency_p99_ms = models.FloatField(null=True)
    probed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["at"], name="home_snapshot_at")]
        constraints = [
            models.UniqueConstraint(fields=["service", "at"], name="home_snapshot_once"),
            models.CheckConstraint(condition=Q(good__lte=F("total")), name="home_snapshot_parts"),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in Status]), name="home_snapshot_status"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.at:%Y-%m-%d %H:%M} UTC"


class ProbeLatch(models.Model):
    """On which side of its objective a service is: it crosses once, however often it is looked at."""

    service = models.OneToOneField(
        Service, on_delete=models.DB_CASCADE, primary_key=True, related_name="latch"
    )
    breached = models.BooleanField(default=False)
    crossed_at = models.DateTimeField(
        null=True, help_text="When it came to this side; null: it never crossed."
    )
    crossings = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "probe latches"

    def __str__(self) -> str:
        return "breached" if self.breached else "met"


class CalendarEvent(models.Model):
    """Something that happens at a time."""

    source = models.CharField(max_length=40)
    uid = models.CharField(max_length=200, help_text="Its name in the source.")
    title = models.CharField(max_length=200)
    place = models.CharField(max_length=200, blank=True, default="")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["starts_at", "title"]
        indexes = [models.Index(fields=["starts_at"], name="home_event_starts")]
        constraints = [
            models.UniqueConstraint(fields=["source", "uid"], name="home_event_once"),
            models.CheckConstraint(condition=Q(starts_at__lte=F("ends_at")), name="home_event_span"),
        ]

    def __str__(self) -> str:
        return self.title


class CalendarFetch(models.Model):
    """How the last reading of a calendar went."""

    source = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    events = models.PositiveIntegerField(default=0)
    error = models.TextField(
        blank=True, default="", help_text="Why it failed, or which entries were refused."
    )

    class Meta:
        verbose_name_plural = "calendar fetches"

    def __str__(self) -> str:
        return self.source


class RecentNote(models.Model):
    """A note as knowledge last told of it. Titles of private ones are among them."""

    slug = models.SlugField(max_length=120, primary_key=True)
    title = models.CharField(max_length=200)
    revision = models.PositiveIntegerField()
    is_public = models.BooleanField()
    is_removed = models.BooleanField(help_text="It is kept so that late news does not bring it back.")
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at"]
        indexes = [models.Index(fields=["changed_at"], name="home_note_changed")]

    def __str__(self) -> str:
        return self.title


class PublicSnapshot(models.Model):
    """When each of the tables below was written; each is written as a whole."""

    kind = models.CharField(max_length=10, primary_key=True)
    at = models.DateTimeField()
    rows = models.PositiveIntegerField()

    class Meta:
        db_table = "home_public_snapshot"

    def __str__(self) -> str:
        return self.kind


class PublicStatus(models.Model):
    """A service as everyone may see it."""

    slug = models.SlugField(max_length=80, primary_key=True)
    name = models.CharField(max_length=120)
    module = models.CharField(max_length=39)
    status = models.CharField(max_length=10, choices=STATUSES)
    status_since = models.DateTimeField()
    total = models.PositiveIntegerField()
    good = models.PositiveIntegerField()
    availability_pct = _percent(null=True)
    target_pct = _percent()
    window_minutes = models.PositiveIntegerField()
    budget_minutes = _minutes()
    left_minutes = _minutes()
    latency_p50_ms = models.FloatField(null=True)
    latency_p95_ms = models.FloatField(null=True)
    latency_p99_ms = models.FloatField(null=True)
    probed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "home_public_status"
        verbose_name_plural = "public statuses"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class PublicStat(models.Model):
    """One hour of a service."""

    slug = models.SlugField(max_length=80)
    starts_at = models.DateTimeField()
    total = models.PositiveIntegerField()
    good = models.PositiveIntegerField()
    latency_p50_ms = models.FloatField(null=True)
    latency_p95_ms = models.FloatField(null=True)
    latency_p99_ms = models.FloatField(null=True)

    class Meta:
        db_table = "home_public_stat"
        ordering = ["slug", "starts_at"]
        constraints = [models.UniqueConstraint(fields=["slug", "starts_at"], name="home_stat_once")]

    def __str__(self) -> str:
        return f"{self.slug} {self.starts_at:%Y-%m-%d %H}"


class PublicNode(models.Model):
    """A module of the system and those that it calls."""

    name = models.CharField(max_length=39, primary_key=True)
    title = models.CharField(max_length=120)
    summary = models.TextField()
    tiers = models.JSONField()
    requires = models.JSONField()
    status = models.CharField(max_length=10, choices=STATUSES, help_text="The worst of its services'.")
    position = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "home_public_node"
        ordering = ["position"]

    def __str__(self) -> str:
        return self.title
