"""The two relations that the anonymous tier may read."""

from django.db import migrations

# `security_barrier` keeps a caller's cheap function from seeing a row before `published` has been asked.
# The views run with their owner's rights, so the anonymous role needs none on the tables.
CREATE_WALKS = """
CREATE VIEW hikes_public_walk WITH (security_barrier) AS
SELECT id, slug, name, region, summary, latitude, longitude, distance_km, ascent_m, descent_m, duration_h,
       difficulty, track, windows_at, updated_at
FROM hikes_walk
WHERE published
"""

CREATE_WINDOWS = """
CREATE VIEW hikes_public_window WITH (security_barrier) AS
SELECT w.id, w.walk_id, w.starts_at, w.day, w.temp_c, w.precip_mm, w.wind_kmh, w.cloud_pct, w.viable
FROM hikes_window w
JOIN hikes_walk k ON k.id = w.walk_id
WHERE k.published
"""


class Migration(migrations.Migration):
    dependencies = [("hikes", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE_WALKS, "DROP VIEW hikes_public_walk"),
        migrations.RunSQL(CREATE_WINDOWS, "DROP VIEW hikes_public_window"),
    ]
