"""Which note a link leads to, and the triggers that keep the tables of public rows."""

from django.db import migrations

# All of them run with the rights of whoever writes, and name their tables with the schema: the writer's search_path must
# not choose another table.
#
# What changes which public notes there are, what they are called or what they link to locks knowledge_public_link first
# (readers do not mind): two transactions that publish a link's two ends would not see each other's, and take turns instead.
# Always after the note's own row and before any public one, so that no two of them wait for each other.

# A note has a row in knowledge_public_note while it is public, and no row otherwise. A row that goes takes its chunks and
# links along (ON DELETE CASCADE). What the public cannot see leaves the row untouched, down to its hidden columns.
SHOW_NOTE = """
CREATE FUNCTION show_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed boolean;
    moved boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.visibility = 'public' AND NEW.visibility = 'public' AND NEW.id = OLD.id THEN
        changed := (NEW.slug, NEW.title, NEW.names, NEW.tags, NEW.verification, NEW.observed_at, NEW.html, NEW.derivation)
            IS DISTINCT FROM
            (OLD.slug, OLD.title, OLD.names, OLD.tags, OLD.verification, OLD.observed_at, OLD.html, OLD.derivation);
        moved := (NEW.public_x, NEW.public_y) IS DISTINCT FROM (OLD.public_x, OLD.public_y);
        IF changed THEN
            LOCK TABLE knowledge.knowledge_public_link IN SHARE ROW EXCLUSIVE MODE;
        END IF;
        IF changed OR moved THEN
            UPDATE knowledge.knowledge_public_note SET
                slug = NEW.slug, title = NEW.title, names = NEW.names, tags = NEW.tags,
                verification = NEW.verification, observed_at = NEW.observed_at, html = NEW.html,
                derivation = NEW.derivation, x = NEW.public_x, y = NEW.public_y,
                updated_at = CASE WHEN changed THEN clock_timestamp() ELSE updated_at END,
                placed_at = CASE WHEN moved THEN clock_timestamp() ELSE placed_at END
            WHERE id = NEW.id;
        END IF;
        RETURN NULL;
    END IF;
    IF 'public' IN (OLD.visibility, NEW.visibility) THEN
        LOCK TABLE knowledge.knowledge_public_link IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.visibility = 'public' THEN
        DELETE FROM knowledge.knowledge_public_note WHERE id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.visibility = 'public' THEN
        INSERT INTO knowledge.knowledge_public_note (
            id, slug, title, names, tags, verification, observed_at, html, derivation, x, y, updated_at, placed_at
        ) VALUES (
            NEW.id, NEW.slug, NEW.title, NEW.names, NEW.tags, NEW.verification, NEW.observed_at, NEW.html,
            NEW.derivation, NEW.public_x, NEW.public_y, clock_timestamp(), clock_timestamp()
        );
        INSERT INTO knowledge.knowledge_public_chunk (
            id, note_id, position, title, section, anchor, text, search, embedder, embedding
        )
        SELECT id, note_id, position, title, section, anchor, text, search, embedder, embedding
        FROM knowledge.knowledge_chunk WHERE note_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER knowledge_note_shown AFTER INSERT OR UPDATE OR DELETE ON knowledge_note
FOR EACH ROW EXECUTE FUNCTION show_note();
"""
DROP_SHOW_NOTE = "DROP TRIGGER knowledge_note_shown ON knowledge_note; DROP FUNCTION show_note()"

# A chunk of a public note has a row in knowledge_public_chunk. The lock makes it wait for a transaction that is
# publishing or retiring the note, which would not see this chunk.
SHOW_CHUNK = """
CREATE FUNCTION show_chunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM FROM knowledge.knowledge_note WHERE id = OLD.note_id FOR SHARE;
        DELETE FROM knowledge.knowledge_public_chunk WHERE id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM FROM knowledge.knowledge_note WHERE id = NEW.note_id FOR SHARE;
        INSERT INTO knowledge.knowledge_public_chunk (
            id, note_id, position, title, section, anchor, text, search, embedder, embedding
        )
        SELECT NEW.id, NEW.note_id, NEW.position, NEW.title, NEW.section, NEW.anchor, NEW.text, NEW.search,
               NEW.embedder, NEW.embedding
        FROM knowledge.knowledge_public_note WHERE id = NEW.note_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER knowledge_chunk_shown AFTER INSERT OR UPDATE OR DELETE ON knowledge_chunk
FOR EACH ROW EXECUTE FUNCTION show_chunk();
"""
DROP_SHOW_CHUNK = "DROP TRIGGER knowledge_chunk_shown ON knowledge_chunk; DROP FUNCTION show_chunk()"

# A link of a public note has a row in knowledge_public_link when a public note has the name it links to: among several, the
# one that has it earliest in its names. Private notes take no part, so a private note cannot hide a public one.
# A session plans a function once, perhaps while the tables are empty: without sequential scans it stays right as they grow.
RESOLVE_LINKS = """
CREATE FUNCTION resolve_public_links(changed_names text[], changed_source uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[] := ARRAY(
        SELECT id FROM knowledge.knowledge_notelink WHERE target_key = ANY (changed_names)
        UNION
        SELECT id FROM knowledge.knowledge_notelink WHERE source_id = changed_source
    );
BEGIN
    DELETE FROM knowledge.knowledge_public_link WHERE id = ANY (changed);
    INSERT INTO knowledge.knowledge_public_link (id, source_id, target_id, position, kind, anchor, updated_at)
    SELECT link.id, link.source_id, target.id, link.position, link.kind, link.anchor, clock_timestamp()
    FROM knowledge.knowledge_notelink AS link
    CROSS JOIN LATERAL (
        SELECT note.id
        FROM knowledge.knowledge_public_note AS note
        WHERE note.names @> ARRAY[link.target_key::text]
        ORDER BY array_position(note.names, link.target_key::text), note.slug
        LIMIT 1
    ) AS target
    WHERE link.id = ANY (changed)
        AND EXISTS (SELECT FROM knowledge.knowledge_public_note WHERE id = link.source_id);
END
$$ SET enable_seqscan = off;
CREATE FUNCTION show_links_of_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM knowledge.resolve_public_links(coalesce(OLD.names, '{}') || coalesce(NEW.names, '{}'), NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER knowledge_public_note_linked AFTER INSERT OR DELETE OR UPDATE OF names ON knowledge_public_note
FOR EACH ROW EXECUTE FUNCTION show_links_of_note();
CREATE FUNCTION show_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sources uuid[] := ARRAY[OLD.source_id, NEW.source_id];
BEGIN
    PERFORM FROM knowledge.knowledge_note WHERE id = ANY (sources) ORDER BY id FOR SHARE;
    IF NOT EXISTS (SELECT FROM knowledge.knowledge_public_note WHERE id = ANY (sources)) THEN
        RETURN NULL;
    END IF;
    LOCK TABLE knowledge.knowledge_public_link IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM knowledge.knowledge_public_link WHERE id = OLD.id;
    INSERT INTO knowledge.knowledge_public_link (id, source_id, target_id, position, kind, anchor, updated_at)
    SELECT NEW.id, NEW.source_id, target.id, NEW.position, NEW.kind, NEW.anchor, clock_timestamp()
    FROM knowledge.knowledge_public_note AS target
    WHERE target.names @> ARRAY[NEW.target_key::text]
        AND EXISTS (SELECT FROM knowledge.knowledge_public_note WHERE id = NEW.source_id)
    ORDER BY array_position(target.names, NEW.target_key::text), target.slug
    LIMIT 1;
    RETURN NULL;
END
$$ SET enable_seqscan = off;
CREATE TRIGGER knowledge_notelink_shown AFTER INSERT OR UPDATE OR DELETE ON knowledge_notelink
FOR EACH ROW EXECUTE FUNCTION show_link();
"""
DROP_RESOLVE_LINKS = """
DROP TRIGGER knowledge_notelink_shown ON knowledge_notelink;
DROP FUNCTION show_link();
DROP TRIGGER knowledge_public_note_linked ON knowledge_public_note;
DROP FUNCTION show_links_of_note();
DROP FUNCTION resolve_public_links(text[], uuid);
"""

# Among the notes that have the name, a link leads to the one that has it earliest in its names.
RESOLVE_ALL = """
CREATE VIEW knowledge_resolved_link WITH (security_barrier) AS
SELECT link.id, link.source_id, link.position, link.kind, link.target, link.target_key, link.anchor,
       target.id AS note_id
FROM knowledge_notelink AS link
LEFT JOIN LATERAL (
    SELECT note.id
    FROM knowledge_note AS note
    WHERE note.names @> ARRAY[link.target_key::text]
    ORDER BY array_position(note.names, link.target_key::text), note.slug
    LIMIT 1
) AS target ON true;
"""
DROP_RESOLVE_ALL = "DROP VIEW knowledge_resolved_link"


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0001_initial")]

    operations = [
        migrations.RunSQL(RESOLVE_ALL, DROP_RESOLVE_ALL),
        migrations.RunSQL(SHOW_NOTE, DROP_SHOW_NOTE),
        migrations.RunSQL(SHOW_CHUNK, DROP_SHOW_CHUNK),
        migrations.RunSQL(RESOLVE_LINKS, DROP_RESOLVE_LINKS),
    ]
