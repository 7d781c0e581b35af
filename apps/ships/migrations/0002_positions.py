"""The partitioned table of positions, and the two functions that make and retire its partitions.

A partition holds one UTC day and is called ships_position_YYYYMMDD. There is no DEFAULT partition on purpose:
rows that fall into one keep the right partition from being attached, and dropping a day would miss them. A row
whose day has no partition is refused instead; the intake makes the partition first.
"""

from django.db import migrations, models

POSITIONS = """
CREATE TABLE ships_position (
    mmsi         integer          NOT NULL,
    at           timestamptz      NOT NULL,
    latitude     double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude    double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    sog          double precision,
    cog          double precision,
    heading      smallint,
    status       smallint,
    message_type smallint         NOT NULL,
    PRIMARY KEY (mmsi, at)
) PARTITION BY RANGE (at);
"""

# Makes the missing partitions of first..last, both included, and returns how many it made. The window is what
# the intake can need: its caller has no DDL and shall not be able to fill the catalog either.
# A table is made alone and then attached: that locks out other makers, not readers and writers.
ENSURE_PARTITIONS = """
CREATE FUNCTION ensure_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ships, pg_temp AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    day date;
    partition text;
    made integer := 0;
BEGIN
    IF first IS NULL OR last IS NULL OR NOT isfinite(first) OR NOT isfinite(last) OR last < first OR first < today - 62 OR last > today + 7 THEN
        RAISE EXCEPTION 'cannot make partitions from % to %', first, last
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Ask for days from %s to %s, the first one first.', today - 62, today + 7);
    END IF;
    FOR ahead IN 0 .. last - first LOOP
        day := first + ahead;
        partition := 'ships_position_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(format('ships.%I', partition)) IS NOT NULL;
        LOCK TABLE ships.ships_position IN SHARE UPDATE EXCLUSIVE MODE;
        CONTINUE WHEN to_regclass(format('ships.%I', partition)) IS NOT NULL;
        EXECUTE format('CREATE TABLE ships.%I (LIKE ships.ships_position INCLUDING ALL)', partition);
        EXECUTE format(
            'ALTER TABLE ships.ships_position ATTACH PARTITION ships.%I FOR VALUES FROM (%L) TO (%L)',
            partition, to_char(day, 'YYYY-MM-DD 00:00:00+00'), to_char(day + 1, 'YYYY-MM-DD 00:00:00+00')
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION ensure_partitions(date, date) FROM PUBLIC;
"""

# Banks a day's heat into history and drops its partition, in the caller's one transaction; returns how many
# cells it banked, NULL when the day has no partition. Days that live heat is made of are refused.
# Writers are locked out before the count, so that no row falls between it and the drop. A day that was
# restored and is dropped again keeps the larger count. Days so far back that a name could mean two of them (to_char
# writes 2026 BC as it writes 2026) are refused.
# The drop needs the whole table for itself, and every new reader queues behind it while it waits for an old one:
# it gives up soon, and `partitions.rotate` comes back.
DROP_PARTITION = """
CREATE FUNCTION drop_partition(day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ships, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    partition constant text := 'ships_position_' || to_char(day, 'YYYYMMDD');
    banked integer;
BEGIN
    IF day IS NULL OR NOT isfinite(day) OR day NOT BETWEEN today - 3653 AND today - 8 THEN
        RAISE EXCEPTION 'cannot drop the partition of %', day
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Live heat needs the last week. Ask for a day from %s to %s.',
                                today - 3653, today - 8);
    END IF;
    IF to_regclass(format('ships.%I', partition)) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('LOCK TABLE ships.%I IN SHARE MODE', partition);
    EXECUTE format(
        'INSERT INTO ships.ships_heatcellhistorical AS known (day, "row", col, movers, updated_at)
         SELECT $1, floor(latitude * 200), floor(longitude * 400 / 3), count(DISTINCT mmsi), clock_timestamp()
         FROM ships.%I WHERE sog >= 1 GROUP BY 2, 3
         ON CONFLICT (day, "row", col) DO UPDATE
         SET movers = greatest(known.movers, excluded.movers), updated_at = excluded.updated_at',
        partition
    ) USING day;
    GET DIAGNOSTICS banked = ROW_COUNT;
    EXECUTE format('DROP TABLE ships.%I', partition);
    RETURN banked;
END
$$;
REVOKE ALL ON FUNCTION drop_partition(date) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("ships", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Position",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "mmsi", "at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("mmsi", models.IntegerField(verbose_name="MMSI")),
                        ("at", models.DateTimeField()),
                        ("latitude", models.FloatField(help_text="Degrees.")),
                        ("longitude", models.FloatField(help_text="Degrees.")),
                        ("sog", models.FloatField(help_text="Speed over ground, knots.", null=True)),
                        ("cog", models.FloatField(help_text="Course over ground, degrees.", null=True)),
                        ("heading", models.SmallIntegerField(help_text="True heading, degrees.", null=True)),
                        (
                            "status",
                            models.SmallIntegerField(
                                help_text="Navigational status, ITU-R M.1371 table 45.", null=True
                            ),
                        ),
                        ("message_type", models.SmallIntegerField()),
                    ],
                    options={"ordering": ["mmsi", "at"]},
                )
            ],
            database_operations=[
                migrations.RunSQL(POSITIONS, "DROP TABLE ships_position"),
                migrations.RunSQL(ENSURE_PARTITIONS, "DROP FUNCTION ensure_partitions(date, date)"),
                migrations.RunSQL(DROP_PARTITION, "DROP FUNCTION drop_partition(date)"),
            ],
        )
    ]
