"""The tables of stars. All but `SiteForecast` and `ToldNight` hold public rows only: ADR 0004."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q

from apps.stars import weather
from apps.stars.nights import DARK_DEG
from apps.stars.scoring import CLEAR_PCT
from apps.stars.zones import validate_zone


class FetchStatus(models.TextChoices):
    """How one question for a forecast ended."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    EMPTY = "empty", "empty: nothing was stored, nothing was removed"
    FAILED = "failed"


class Site(models.Model):
    """A place to look at the stars from. It does not move: its hours and nights are those of its place."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=80, blank=True, default="")
    summary = models.TextField(max_length=2000, blank=True, default="")
    latitude = models.FloatField(
        help_text="Degrees north.", validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        help_text="Degrees east.", validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    elevation_m = models.FloatField(
        default=0, help_text="Above the sea.", validators=[MinValueValidator(-500), MaxValueValidator(9000)]
    )
    time_zone = models.CharField(
        max_length=64, validators=[validate_zone], help_text="Its IANA name: Europe/London."
    )
    forecast_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the forecast was last confirmed."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$"), name="stars_site_slug_form"
            ),
            models.CheckConstraint(condition=Q(latitude__range=(-90, 90)), name="stars_site_latitude"),
            models.CheckConstraint(condition=Q(longitude__range=(-180, 180)), name="stars_site_longitude"),
            models.CheckConstraint(condition=Q(elevation_m__range=(-500, 9000)), name="stars_site_elevation"),
            models.CheckConstraint(condition=~Q(time_zone=""), name="stars_site_has_time_zone"),
        ]

    def __str__(self) -> str:
        return self.name


class SiteForecast(models.Model):
    """How the last question for a site's forecast ended. Private: it tells how this system runs."""

    site = models.OneToOneField(
        Site, on_delete=models.DB_CASCADE, primary_key=True, related_name="last_forecast"
    )
    provider = models.CharField(max_length=20)
    at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=FetchStatus.choices)
    error = models.TextField(blank=True, default="", help_text="Why it failed, or which items were refused.")
    expires = models.DateTimeField(null=True, blank=True, help_text="Not asked again before.")
    last_modified = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        verbose_name = "site forecast"
        ordering = ["-at"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=FetchStatus.values), name="stars_forecast_status"),
            models.CheckConstraint(
                condition=~Q(status=FetchStatus.FAILED) | ~Q(error=""), name="stars_forecast_failure_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.at:%Y-%m-%d %H:%M} UTC"


class SiteHour(models.Model):
    """One hour of forecast with the sky above it. Pruning banks it in `SiteMonthStat` and alone removes it."""

    site = models.ForeignKey(Site, on_delete=models.DB_CASCADE, related_name="hours")
    starts_at = models.DateTimeField()
    night = models.DateField(help_text="The date of its local time less twelve hours.")
    temp_c = models.FloatField()
    humidity_pct = models.FloatField()
    wind_kmh = models.FloatField()
    cloud_pct = models.FloatField()
    dew_spread_c = models.FloatField(help_text="How much warmer the air is than its dew point.")
    sun_altitude_deg = models.FloatField(help_text="At the hour's start or end, whichever is higher.")
    moon_altitude_deg = models.FloatField(help_text="In the middle of the hour.")
    moon_illumination = models.FloatField(help_text="The lit part of the moon's disc, 0 to 1.")
    score = models.PositiveSmallIntegerField(help_text="0 useless, 100 perfect.")
    clear_dark = models.GeneratedField(
        expression=ExpressionWrapper(
            Q(sun_altitude_deg__lt=DARK_DEG, cloud_pct__lt=CLEAR_PCT), output_field=models.BooleanField()
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["starts_at"]
        indexes = [
            models.Index(fields=["site", "night"], name="stars_hour_night"),
            models.Index(
                fields=["starts_at", "site"], name="stars_hour_clear_dark", condition=Q(clear_dark=True)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["site", "starts_at"], name="stars_hour_of_site"),
            models.CheckConstraint(
                condition=Q(temp_c__range=weather.TEMP_C)
                & Q(humidity_pct__range=weather.HUMIDITY_PCT)
                & Q(wind_kmh__range=weather.WIND_KMH)
                & Q(cloud_pct__range=weather.CLOUD_PCT),
                name="stars_hour_readings",
            ),
            models.CheckConstraint(
                condition=Q(sun_altitude_deg__range=(-90, 90))
                & Q(moon_altitude_deg__range=(-91, 91))
                & Q(moon_illumination__range=(0, 1))
                & Q(score__range=(0, 100)),
                name="stars_hour_sky",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} UTC"


class NightTable(models.Model):
    """When a night is dark and what the moon does in it; what does not happen is null."""

    site = models.ForeignKey(Site, on_delete=models.DB_CASCADE, related_name="nights")
    night = models.DateField(help_text="The date of its evening at the site.")
    sunset = models.DateTimeField(null=True)
    dusk = models.DateTimeField(null=True, help_text="The sun sinks below -6 degrees.")
    dark_from = models.DateTimeField(
        null=True, help_text="The sun sinks below -12 degrees; null: it does not."
    )
    dark_until = models.DateTimeField(null=True)
    dawn = models.DateTimeField(null=True, help_text="The sun is back at -6 degrees.")
    sunrise = models.DateTimeField(null=True)
    moonrise = models.DateTimeField(null=True)
    moonset = models.DateTimeField(null=True)
    moon_phase_deg = models.FloatField(help_text="0 new, 180 full.")
    moon_illumination = models.FloatField(help_text="The lit part of the moon's disc, 0 to 1.")
    moonless_h = models.FloatField(help_text="Hours that are dark and have no moon.")
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["night"]
        constraints = [
            models.UniqueConstraint(fields=["site", "night"], name="stars_night_of_site"),
            models.CheckConstraint(
                condition=Q(dark_from=None, dark_until=None)
                | Q(dark_from__isnull=False, dark_until__isnull=False, dark_from__lt=F("dark_until")),
                name="stars_night_dark_span",
            ),
            models.CheckConstraint(
                condition=Q(moon_phase_deg__range=(0, 360)) & Q(moon_illumination__range=(0, 1)),
                name="stars_night_moon",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.night}"


class ToldNight(models.Model):
    """A good night ahead that others were told of, so that they are told once. Private, and pruned with the night."""

    site = models.ForeignKey(Site, on_delete=models.DB_CASCADE, related_name="told_nights")
    night = models.DateField()
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["night"]
        constraints = [models.UniqueConstraint(fields=["site", "night"], name="stars_told_once")]

    def __str__(self) -> str:
        return f"{self.night:%Y-%m-%d}"


class SiteMonthStat(models.Model):
    """What the pruned nights of one month were like, by their last forecast."""

    site = models.ForeignKey(Site, on_delete=models.DB_CASCADE, related_name="months")
    month = models.DateField(help_text="Its first day.")
    nights = models.PositiveIntegerField()
    good_nights = models.PositiveIntegerField(help_text="Nights with two clear dark hours or more.")
    hours = models.PositiveIntegerField()
    dark_hours = models.PositiveIntegerField()
    clear_dark_hours = models.PositiveIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["site", "month"], name="stars_stat_of_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="stars_stat_first_of_month"),
            models.CheckConstraint(
                condition=Q(clear_dark_hours__lte=F("dark_hours"), dark_hours__lte=F("hours"))
                & Q(good_nights__lte=F("nights")),
                name="stars_stat_parts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class SiteMonthClimatology(models.Model):
    """What a month is usually like, from somewhere that knows."""

    site = models.ForeignKey(Site, on_delete=models.DB_CASCADE, related_name="climatology")
    month = models.PositiveSmallIntegerField(help_text="1 to 12.")
    cloud_pct = models.FloatField(help_text="Mean cloud cover at night.")
    clear_dark_pct = models.FloatField(help_text="How many of the dark hours are clear.")
    source = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "site month climatologies"
        ordering = ["month"]
        constraints = [
            models.UniqueConstraint(fields=["site", "month"], name="stars_climatology_of_month"),
            models.CheckConstraint(
                condition=Q(month__range=(1, 12))
                & Q(cloud_pct__range=(0, 100))
                & Q(clear_dark_pct__range=(0, 100))
                & ~Q(source=""),
                name="stars_climatology_values",
            ),
        ]

    def __str__(self) -> str:
        return f"month {self.month}"
