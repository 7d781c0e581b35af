import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import MD5, Now


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Vessel",
            fields=[
                ("mmsi", models.IntegerField(primary_key=True, serialize=False, verbose_name="MMSI")),
                ("name", models.CharField(blank=True, max_length=20)),
                ("imo", models.IntegerField(blank=True, null=True, verbose_name="IMO number")),
                ("call_sign", models.CharField(blank=True, max_length=7)),
                (
                    "ship_type",
                    models.SmallIntegerField(blank=True, help_text="ITU-R M.1371 table 53.", null=True),
                ),
                (
                    "to_bow",
                    models.SmallIntegerField(blank=True, help_text="Metres from the antenna.", null=True),
                ),
                (
                    "to_stern",
                    models.SmallIntegerField(blank=True, help_text="Metres from the antenna.", null=True),
                ),
                (
                    "to_port",
                    models.SmallIntegerField(blank=True, help_text="Metres from the antenna.", null=True),
                ),
                (
                    "to_starboard",
                    models.SmallIntegerField(blank=True, help_text="Metres from the antenna.", null=True),
                ),
                ("destination", models.CharField(blank=True, max_length=20)),
                ("eta", models.DateTimeField(blank=True, null=True, verbose_name="ETA")),
                ("draught", models.FloatField(blank=True, help_text="Metres.", null=True)),
                ("name_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("details_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("voyage_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("first_seen", models.DateTimeField()),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "ordering": ["mmsi"],
                "indexes": [
                    models.Index(fields=["name"], name="ships_vessel_name_idx"),
                    models.Index(fields=["updated_at"], name="ships_vessel_updated_idx"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("mmsi__gte", 200000000), ("mmsi__lt", 1000000000)),
                        name="ships_vessel_mmsi",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LatestPosition",
            fields=[
                (
                    "vessel",
                    models.OneToOneField(
                        db_column="mmsi",
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="latest",
                        serialize=False,
                        to="ships.vessel",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("latitude", models.FloatField(help_text="Degrees.")),
                ("longitude", models.FloatField(help_text="Degrees.")),
                ("sog", models.FloatField(blank=True, help_text="Speed over ground, knots.", null=True)),
                ("cog", models.FloatField(blank=True, help_text="Course over ground, degrees.", null=True)),
                (
                    "heading",
                    models.SmallIntegerField(blank=True, help_text="True heading, degrees.", null=True),
                ),
                (
                    "status",
                    models.SmallIntegerField(blank=True, help_text="ITU-R M.1371 table 45.", null=True),
                ),
                ("anchored_since", models.DateTimeField(help_text="Has stayed within 500 m since.")),
                ("anchor_latitude", models.FloatField()),
                ("anchor_longitude", models.FloatField()),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "ordering": ["vessel"],
                "indexes": [models.Index(fields=["latitude", "longitude"], name="ships_latest_place_idx")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(
                            ("latitude__gte", -90),
                            ("latitude__lte", 90),
                            ("longitude__gte", -180),
                            ("longitude__lte", 180),
                        ),
                        name="ships_latest_place",
                    ),
                    models.CheckConstraint(
                        condition=Q(("anchored_since__lte", F("at"))), name="ships_latest_anchor"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeatCell",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("row", models.IntegerField(help_text="South edge in steps of 0.005 degrees.")),
                ("col", models.IntegerField(help_text="West edge in steps of 0.0075 degrees.")),
                ("movers", models.IntegerField()),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "ordering": ["row", "col"],
                "constraints": [
                    models.UniqueConstraint(fields=("row", "col"), name="ships_heatcell_place"),
                    models.CheckConstraint(condition=Q(("movers__gt", 0)), name="ships_heatcell_movers"),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeatCellHistorical",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("row", models.IntegerField(help_text="South edge in steps of 0.005 degrees.")),
                ("col", models.IntegerField(help_text="West edge in steps of 0.0075 degrees.")),
                ("movers", models.IntegerField()),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "verbose_name_plural": "historical heat cells",
                "ordering": ["day", "row", "col"],
                "constraints": [
                    models.UniqueConstraint(fields=("row", "col", "day"), name="ships_heathistory_place"),
                    models.CheckConstraint(condition=Q(("movers__gt", 0)), name="ships_heathistory_movers"),
                ],
            },
        ),
        migrations.CreateModel(
            name="IngestCursor",
            fields=[
                ("source", models.CharField(max_length=300, primary_key=True, serialize=False)),
                ("offset", models.BigIntegerField(default=0, help_text="Bytes.")),
                ("line", models.BigIntegerField(default=0, help_text="Lines before the offset.")),
                (
                    "fingerprint",
                    models.CharField(
                        blank=True,
                        help_text="Of the file's beginning: another file of this name starts anew.",
                        max_length=100,
                    ),
                ),
                ("counts", models.JSONField(default=dict, help_text="Sentences by outcome, of all runs.")),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={"ordering": ["source"]},
        ),
        migrations.CreateModel(
            name="RejectedMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=300)),
                ("line", models.BigIntegerField(help_text="Of its first sentence in the source, from 1.")),
                ("reason", models.CharField(max_length=40)),
                ("sentence", models.CharField(help_text="Its sentences, one a line.", max_length=1000)),
                ("sentences", models.SmallIntegerField(default=1)),
                ("at", models.DateTimeField(help_text="When it was received.")),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["reason"], name="ships_rejected_reason_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        F("source"), F("line"), F("reason"), MD5("sentence"), name="ships_rejected_once"
                    )
                ],
            },
        ),
    ]
