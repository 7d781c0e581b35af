-- A note as knowledge told of it, unless something later was told: changes and removals come by two subscribers, which
-- do not wait for each other, and a dead letter may be replayed after what followed it.
INSERT INTO home_recentnote AS known (slug, title, revision, is_public, is_removed, changed_at)
VALUES (%(slug)s, %(title)s, %(revision)s, %(is_public)s, %(is_removed)s, %(changed_at)s)
ON CONFLICT (slug) DO UPDATE SET
    title = excluded.title, revision = excluded.revision, is_public = excluded.is_public,
    is_removed = excluded.is_removed, changed_at = excluded.changed_at
WHERE excluded.changed_at >= known.changed_at
