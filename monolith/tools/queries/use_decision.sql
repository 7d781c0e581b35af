-- Use a person's yes, once; nothing when there is none that still holds.
UPDATE monolith_tools_decision SET status = 'used'
WHERE token_id = %(token)s AND tool = %(tool)s AND fingerprint = %(fingerprint)s
    AND status = 'approved' AND expires_at > clock_timestamp()
RETURNING id
