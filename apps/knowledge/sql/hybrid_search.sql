-- The notes that answer a question, best first, and how many there are.
--
-- {note} and {chunk} are either the tables of public rows or those of all rows. Who may not see a note is asked the first:
-- ranks, scores and totals are then made of what they may see, and nothing has to be filtered out afterwards.
--
-- Two lists, each of notes by their best chunk: by words (all words of the question first, then by the share of them, then
-- by cover density) and by meaning (cosine, among vectors of the same embedder). They are fused by reciprocal rank:
-- Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet", SIGIR 2009.
WITH asked AS (
    SELECT
        strict,
        -- Any of the words will do, unless the question excludes some: "any word, or any chunk without that one" is all.
        CASE WHEN strict::text LIKE '%%!%%' THEN strict ELSE replace(strict::text, ' & ', ' | ')::tsquery END AS loose,
        ARRAY(
            SELECT quote_literal(lexeme)::tsquery FROM unnest(to_tsvector('english', %(question)s))
        ) AS words
    FROM websearch_to_tsquery('english', %(question)s) AS strict
    WHERE %(by_words)s
),
visible AS NOT MATERIALIZED (
    SELECT chunk.*, note.slug
    FROM {chunk} AS chunk
    JOIN {note} AS note ON note.id = chunk.note_id
    WHERE %(tag)s::text IS NULL OR note.tags @> ARRAY[%(tag)s::text]
),
worded AS (
    SELECT DISTINCT ON (note_id)
        note_id, visible.id AS chunk_id, slug,
        search @@ strict AS all_words,
        (SELECT count(*) FROM unnest(words) AS word WHERE search @@ word) AS matched,
        ts_rank_cd(search, loose) AS density
    FROM visible, asked
    WHERE search @@ loose
    ORDER BY note_id, all_words DESC, matched DESC, density DESC, position
),
by_words AS (
    SELECT *, row_number() OVER (ORDER BY all_words DESC, matched DESC, density DESC, slug) AS rank
    FROM worded
    ORDER BY rank
    LIMIT %(candidates)s
),
meant AS (
    SELECT DISTINCT ON (note_id)
        note_id, visible.id AS chunk_id, slug, embedding <=> %(vector)s::vector AS distance
    FROM visible
    WHERE embedder = %(embedder)s AND %(by_meaning)s
    ORDER BY note_id, distance, position
),
by_meaning AS (
    SELECT *, row_number() OVER (ORDER BY distance, slug) AS rank
    FROM meant
    WHERE distance <= 1 - %(min_similarity)s
    ORDER BY rank
    LIMIT %(candidates)s
),
fused AS (
    SELECT
        note_id,
        coalesce(by_meaning.chunk_id, by_words.chunk_id) AS chunk_id,
        by_words.rank AS words_rank,
        by_meaning.rank AS meaning_rank,
        1 - by_meaning.distance AS similarity,
        coalesce(1.0 / (%(k)s + by_words.rank), 0) + coalesce(1.0 / (%(k)s + by_meaning.rank), 0) AS score
    FROM by_words
    FULL JOIN by_meaning USING (note_id)
),
page AS (
    SELECT fused.*, note.slug, note.title
    FROM fused
    JOIN {note} AS note ON note.id = note_id
    ORDER BY score DESC, note.slug
    LIMIT %(limit)s OFFSET %(offset)s
)
-- One row at least: a page beyond the last has a total too, and NULL for the rest.
SELECT
    (SELECT count(*) FROM fused) AS total,
    page.slug,
    page.title,
    chunk.section,
    chunk.anchor,
    chunk.text AS passage,
    -- Without marks: whoever shows it need not tell them from the text's own.
    coalesce(
        ts_headline('english', chunk.text, loose, 'StartSel="", StopSel="", MinWords=30, MaxWords=50'), chunk.text
    ) AS excerpt,
    page.score::float8,
    page.words_rank,
    page.meaning_rank,
    page.similarity
FROM (SELECT) AS always
LEFT JOIN page ON true
LEFT JOIN {chunk} AS chunk ON chunk.id = page.chunk_id
LEFT JOIN asked ON page.words_rank IS NOT NULL
ORDER BY page.score DESC, page.slug
