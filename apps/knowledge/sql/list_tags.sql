-- The tags that notes have, by name, each with how many have it; those that come after one.
SELECT tag, count(*) AS notes
FROM knowledge_note CROSS JOIN unnest(tags) AS tag
WHERE tag > %(after)s
GROUP BY tag
ORDER BY tag
LIMIT %(limit)s
