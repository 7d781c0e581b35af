-- What somebody said in the last minutes, on whatever way into a channel or out of it, newest first. Reminders that came
-- due are deliveries of words that count already. Each part has an index of its own, and reads no more than is told.
SELECT text
FROM (
    (
        SELECT text, created_at FROM chat_message
        WHERE author = %(subject)s AND created_at >= %(since)s
        ORDER BY created_at DESC LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT text, created_at FROM chat_delivery
        WHERE requested_by = %(subject)s AND created_at >= %(since)s AND NOT starts_with(dedupe_key, 'reminder:')
        ORDER BY created_at DESC LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT text, created_at FROM chat_reminder
        WHERE subject = %(subject)s AND created_at >= %(since)s
        ORDER BY created_at DESC LIMIT %(most)s
    )
) AS said
ORDER BY created_at DESC
LIMIT %(most)s
