-- Use a person's yes for one call, once; nothing when there is none that still holds.
UPDATE monolith_tools_decision SET status = 'used', call_id = %(call)s
WHERE token_id = %(token)s AND tool = %(tool)s AND fingerprint = %(fingerprint)s
    AND status = 'approved' AND expires_at > clock_timestamp()
RETURNING id
