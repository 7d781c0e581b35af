"""Vessels, where they were, how dense traffic is, and how the intake runs."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import MD5, Now

_ON_EARTH = Q(latitude__gte=-90, latitude__lte=90, longitude__gte=-180, longitude__lte=180)


class Vessel(models.Model):
    """What is known about a vessel from its own broadcasts; empty means it never said."""

    mmsi = models.IntegerField("MMSI", primary_key=True)
    name = models.CharField(max_length=20, blank=True)
    imo = models.IntegerField("IMO number", null=True, blank=True)
    call_sign = models.CharField(max_length=7, blank=True)
    ship_type = models.SmallIntegerField(null=True, blank=True, help_text="ITU-R M.1371 table 53.")
    to_bow = models.SmallIntegerField(null=True, blank=True, help_text="Metres from the antenna.")
    to_stern = models.SmallIntegerField(null=True, blank=True, help_text="Metres from the antenna.")
    to_port = models.SmallIntegerField(null=True, blank=True, help_text="Metres from the antenna.")
    to_starboard = models.SmallIntegerField(null=True, blank=True, help_text="Metres from the antenna.")
    destination = models.CharField(max_length=20, blank=True)
    eta = models.DateTimeField("ETA", null=True, blank=True)
    draught = models.FloatField(null=True, blank=True, help_text="Metres.")
    # When each group of fields was last said: a late message must not undo a newer one.
    name_at = models.DateTimeField(null=True, blank=True, editable=False)
    details_at = models.DateTimeField(null=True, blank=True, editable=False)
    voyage_at = models.DateTimeField(null=True, blank=True, editable=False)
    first_seen = models.DateTimeField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["mmsi"]
        indexes = [
            models.Index(fields=["name"], name="ships_vessel_name_idx"),
            models.Index(fields=["updated_at"], name="ships_vessel_updated_idx"),
        ]
        constraints = [
            models.CheckConstraint(
                name="ships_vessel_mmsi", condition=Q(mmsi__gte=200_000_000, mmsi__lt=10**9)
            )
        ]

    def __str__(self) -> str:
        return f"{self.name or 'unnamed'} ({self.mmsi})"

    @property
    def length(self) -> int | None:
        """Metres over all; None when not given."""
        return _sum(self.to_bow, self.to_stern)

    @property
    def beam(self) -> int | None:
        """Metres; None when not given."""
        return _sum(self.to_port, self.to_starboard)


class Position(models.Model):
    """A stored report; the table is partitioned by UTC day of `at`, made in the first migration."""

    pk = models.CompositePrimaryKey("mmsi", "at")
    mmsi = models.IntegerField("MMSI")
    at = models.DateTimeField()
    latitude = models.FloatField(help_text="Degrees.")
    longitude = models.FloatField(help_text="Degrees.")
    sog = models.FloatField(null=True, help_text="Speed over ground, knots.")
    cog = models.FloatField(null=True, help_text="Course over ground, degrees.")
    heading = models.SmallIntegerField(null=True, help_text="True heading, degrees.")
    status = models.SmallIntegerField(null=True, help_text="Navigational status, ITU-R M.1371 table 45.")
    message_type = models.SmallIntegerField()

    class Meta:
        ordering = ["mmsi", "at"]

    def __str__(self) -> str:
        return f"{self.mmsi} at {self.at:%Y-%m-%d %H:%M:%S}"


class LatestPosition(models.Model):
    """A vessel's newest stored report, and the place it has not left since `anchored_since`."""

    vessel = models.OneToOneField(
        Vessel, on_delete=models.CASCADE, primary_key=True, db_column="mmsi", related_name="latest"
    )
    at = models.DateTimeField()
    latitude = models.FloatField(help_text="Degrees.")
    longitude = models.FloatField(help_text="Degrees.")
    sog = models.FloatField(null=True, blank=True, help_text="Speed over ground, knots.")
    cog = models.FloatField(null=True, blank=True, help_text="Course over ground, degrees.")
    heading = models.SmallIntegerField(null=True, blank=True, help_text="True heading, degrees.")
    status = models.SmallIntegerField(null=True, blank=True, help_text="ITU-R M.1371 table 45.")
    anchored_since = models.DateTimeField(help_text="Has stayed within 500 m since.")
    anchor_latitude = models.FloatField()
    anchor_longitude = models.FloatField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["vessel"]
        indexes = [models.Index(fields=["latitude", "longitude"], name="ships_latest_place_idx")]
        constraints = [
            models.CheckConstraint(name="ships_latest_place", condition=_ON_EARTH),
            models.CheckConstraint(name="ships_latest_anchor", condition=Q(anchored_since__lte=F("at"))),
        ]

    def __str__(self) -> str:
        return f"{self.vessel_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class HeatCell(models.Model):
    """How many vessels moved through a cell in the last seven days."""

    row = models.IntegerField(help_text="South edge in steps of 0.005 degrees.")
    col = models.IntegerField(help_text="West edge in steps of 0.0075 degrees.")
    movers = models.IntegerField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["row", "col"]
        constraints = [
            models.UniqueConstraint(fields=["row", "col"], name="ships_heatcell_place"),
            models.CheckConstraint(name="ships_heatcell_movers", condition=Q(movers__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.movers} in {self.row}/{self.col}"


class HeatCellHistorical(models.Model):
    """How many vessels moved through a cell on one day whose positions are gone."""

    day = models.DateField()
    row = models.IntegerField(help_text="South edge in steps of 0.005 degrees.")
    col = models.IntegerField(help_text="West edge in steps of 0.0075 degrees.")
    movers = models.IntegerField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["day", "row", "col"]
        verbose_name_plural = "historical heat cells"
        constraints = [
            models.UniqueConstraint(fields=["row", "col", "day"], name="ships_heathistory_place"),
            models.CheckConstraint(name="ships_heathistory_movers", condition=Q(movers__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.movers} in {self.row}/{self.col} on {self.day}"


class IngestCursor(models.Model):
    """How far a source has been read."""

    source = models.CharField(max_length=300, primary_key=True)
    offset = models.BigIntegerField(default=0, help_text="Bytes.")
    line = models.BigIntegerField(default=0, help_text="Lines before the offset.")
    fingerprint = models.CharField(
        max_length=100,
        blank=True,
        help_text="Of the file's beginning: another file of this name starts anew.",
    )
    counts = models.JSONField(default=dict, help_text="Sentences by outcome, of all runs.")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["source"]

    def __str__(self) -> str:
        return self.source


class RejectedMessage(models.Model):
    """A message that was not taken, kept for a look and a replay; only the newest are."""

    source = models.CharField(max_length=300)
    line = models.BigIntegerField(help_text="Of its first sentence in the source, from 1.")
    reason = models.CharField(max_length=40)
    sentence = models.CharField(max_length=1000, help_text="Its sentences, one a line.")
    sentences = models.SmallIntegerField(default=1)
    at = models.DateTimeField(help_text="When it was received.")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["reason"], name="ships_rejected_reason_idx")]
        constraints = [
            # Reading a source again finds the same rejections again.
            models.UniqueConstraint("source", "line", "reason", MD5("sentence"), name="ships_rejected_once")
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}"


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
