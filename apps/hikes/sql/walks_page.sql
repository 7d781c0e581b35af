-- One page of the walks that fit, with the extent of all of them (walks_extent.sql), of the same moment.
--
-- Two scans, not a window over one: the extent reads narrow rows, and the page stops at its limit where an index has the
-- order. One row at least: a page beyond the last has an extent too, and NULL for the rest.
SELECT extent.total, extent.version, page.*
FROM (
    SELECT count(*) AS total, concat(max(updated_at), ' ', max(windows_at)) AS version
    FROM hikes_public_walk
    WHERE {conditions}
) AS extent
LEFT JOIN (
    SELECT {fields}
    FROM hikes_public_walk
    WHERE {conditions}
    ORDER BY {order}
    LIMIT %(limit)s OFFSET %(offset)s
) AS page ON true
ORDER BY {order}
