"""The triggers that keep the table of public walks in step with the walks themselves."""

from django.db import migrations

# A walk has a row in hikes_public_walk while it is published, and no row otherwise, whoever changes it and how.
# A row that goes takes its windows along (ON DELETE CASCADE). It runs with the rights of whoever writes the walk.
# Names are qualified: the writer's search_path must not choose another table.
SHOW_WALK = """
CREATE FUNCTION show_walk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.published AND (TG_OP = 'DELETE' OR NOT NEW.published OR NEW.id <> OLD.id) THEN
        DELETE FROM hikes.hikes_public_walk WHERE id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.published THEN
        INSERT INTO hikes.hikes_public_walk AS shown (
            id, slug, name, region, summary, latitude, longitude, distance_km, ascent_m, descent_m,
            duration_h, difficulty, track, windows_at, updated_at
        ) VALUES (
            NEW.id, NEW.slug, NEW.name, NEW.region, NEW.summary, NEW.latitude, NEW.longitude, NEW.distance_km,
            NEW.ascent_m, NEW.descent_m, NEW.duration_h, NEW.difficulty, NEW.track, NEW.windows_at,
            NEW.updated_at
        )
        ON CONFLICT (id) DO UPDATE SET
            slug = excluded.slug, name = excluded.name, region = excluded.region, summary = excluded.summary,
            latitude = excluded.latitude, longitude = excluded.longitude, distance_km = excluded.distance_km,
            ascent_m = excluded.ascent_m, descent_m = excluded.descent_m, duration_h = excluded.duration_h,
            difficulty = excluded.difficulty, track = excluded.track, windows_at = excluded.windows_at,
            updated_at = excluded.updated_at;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER hikes_walk_shown AFTER INSERT OR UPDATE OR DELETE ON hikes_walk
FOR EACH ROW EXECUTE FUNCTION show_walk();
"""
DROP_SHOW_WALK = "DROP TRIGGER hikes_walk_shown ON hikes_walk; DROP FUNCTION show_walk()"

# A retired walk loses its windows, so nothing may say when they were fetched should it be published again.
FORGET_FORECAST = """
CREATE FUNCTION forget_forecast() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.windows_at := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER hikes_walk_retired BEFORE INSERT OR UPDATE ON hikes_walk
FOR EACH ROW WHEN (NOT NEW.published AND NEW.windows_at IS NOT NULL) EXECUTE FUNCTION forget_forecast();
"""
DROP_FORGET_FORECAST = "DROP TRIGGER hikes_walk_retired ON hikes_walk; DROP FUNCTION forget_forecast()"


class Migration(migrations.Migration):
    dependencies = [("hikes", "0001_initial")]

    operations = [
        migrations.RunSQL(SHOW_WALK, DROP_SHOW_WALK),
        migrations.RunSQL(FORGET_FORECAST, DROP_FORGET_FORECAST),
    ]
