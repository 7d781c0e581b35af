"""The tables of hikes. `PublicWalk` and `Window` hold public rows only: ADR 0004."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, IntegerField, Q
from django.db.models.lookups import GreaterThanOrEqual

from apps.hikes import windows


class Difficulty(models.TextChoices):
    """The values of `walking_time.Grade`, easiest first."""

    EASY = "easy"
    MODERATE = "moderate"
    CHALLENGING = "challenging"
    STRENUOUS = "strenuous"
    SEVERE = "severe"


class FetchStatus(models.TextChoices):
    """How one question for a forecast ended."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    EMPTY = "empty", "empty: nothing was stored, nothing was removed"
    FAILED = "failed"


class Walk(models.Model):
    """A walk with its track; while it is published, a `PublicWalk` shows it to everyone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    region = models.CharField(max_length=80, blank=True, default="")
    summary = models.TextField(max_length=2000, blank=True, default="")
    latitude = models.FloatField(
        help_text="Of the start, degrees north.", validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        help_text="Of the start, degrees east.", validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    distance_km = models.FloatField()
    ascent_m = models.FloatField()
    descent_m = models.FloatField()
    duration_h = models.FloatField(help_text="Naismith's rule with Langmuir's terms for going down.")
    difficulty = models.CharField(max_length=12, choices=Difficulty.choices)
    track = models.JSONField(help_text="Simplified: a list of [degrees east, degrees north, metres].")
    gpx = models.TextField(help_text="The file as it was uploaded; never shown to the anonymous tier.")
    gpx_checksum = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the uploaded file.")
    published = models.BooleanField(default=False)
    windows_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the forecast was last confirmed."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$"), name="hikes_walk_slug_form"
            ),
            models.CheckConstraint(condition=Q(latitude__range=(-90, 90)), name="hikes_walk_latitude"),
            models.CheckConstraint(condition=Q(longitude__range=(-180, 180)), name="hikes_walk_longitude"),
            models.CheckConstraint(
                # The upper bounds also keep NaN out, which PostgreSQL holds greater than any number.
                condition=Q(distance_km__gt=0, distance_km__lte=1000)
                & Q(ascent_m__range=(0, 100_000))
                & Q(descent_m__range=(0, 100_000))
                & Q(duration_h__gt=0, duration_h__lte=1000),
                name="hikes_walk_measures",
            ),
            models.CheckConstraint(
                condition=Q(difficulty__in=Difficulty.values), name="hikes_walk_difficulty"
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(
                    Func(F("track"), function="jsonb_array_length", output_field=IntegerField()), 2
                ),
                name="hikes_walk_track_points",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PublicWalk(models.Model):
    """A published walk without its file. Triggers keep it in step with `Walk`: nothing else writes here."""

    id = models.UUIDField(primary_key=True)
    slug = models.SlugField(max_length=80, db_index=False)
    name = models.CharField(max_length=120)
    region = models.CharField(max_length=80)
    summary = models.TextField()
    latitude = models.FloatField()
    longitude = models.FloatField()
    distance_km = models.FloatField()
    ascent_m = models.FloatField()
    descent_m = models.FloatField()
    duration_h = models.FloatField()
    difficulty = models.CharField(max_length=12, choices=Difficulty.choices)
    track = models.JSONField()
    windows_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "hikes_public_walk"
        default_permissions = ()
        indexes = [
            models.Index(fields=["latitude", "longitude"], name="hikes_public_walk_place"),
            models.Index(fields=["name", "slug"], name="hikes_public_walk_name"),
        ]
        constraints = [models.UniqueConstraint(fields=["slug"], name="hikes_public_walk_slug")]

    def __str__(self) -> str:
        return self.name


class Window(models.Model):
    """One hour of forecast at a published walk; it goes when the walk is retired."""

    walk = models.ForeignKey(PublicWalk, on_delete=models.DB_CASCADE, related_name="windows")
    starts_at = models.DateTimeField()
    day = models.DateField(help_text="The calendar day at the walk, by mean solar time.")
    temp_c = models.FloatField()
    precip_mm = models.FloatField()
    wind_kmh = models.FloatField()
    cloud_pct = models.FloatField()
    viable = models.BooleanField()

    class Meta:
        ordering = ["starts_at"]
        indexes = [
            models.Index(fields=["day", "walk"], name="hikes_window_viable_day", condition=Q(viable=True)),
            models.Index(fields=["starts_at"], name="hikes_window_starts_at"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["walk", "starts_at"], name="hikes_window_hour"),
            models.CheckConstraint(
                condition=Q(temp_c__range=windows.TEMP_C)
                & Q(precip_mm__range=windows.PRECIP_MM)
                & Q(wind_kmh__range=windows.WIND_KMH)
                & Q(cloud_pct__range=windows.CLOUD_PCT),
                name="hikes_window_readings",
            ),
            models.CheckConstraint(
                condition=Q(viable=False)
                | Q(precip_mm__lte=windows.MAX_PRECIP_MM, wind_kmh__lte=windows.MAX_WIND_KMH),
                name="hikes_window_viable_weather",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} UTC"


class ForecastFetch(models.Model):
    """One question for a forecast and how it ended."""

    walk = models.ForeignKey(Walk, on_delete=models.CASCADE, related_name="fetches")
    provider = models.CharField(max_length=20)
    at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=FetchStatus.choices)
    error = models.TextField(blank=True, default="", help_text="Why it failed, or which items were refused.")
    expires = models.DateTimeField(null=True, blank=True, help_text="Not asked again before.")
    last_modified = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        verbose_name = "forecast fetch"
        verbose_name_plural = "forecast fetches"
        ordering = ["-at"]
        indexes = [models.Index(fields=["walk", "-at"], name="hikes_fetch_latest")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=FetchStatus.values), name="hikes_fetch_status"),
            models.CheckConstraint(
                condition=~Q(status=FetchStatus.FAILED) | ~Q(error=""), name="hikes_fetch_failure_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.at:%Y-%m-%d %H:%M} UTC"
