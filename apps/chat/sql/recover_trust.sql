-- What trust grows back: so much for each whole day since it last did, so that a day without a worker is made up for and a
-- second run on a day gives nothing. Whoever has all of it again begins anew the next time something is taken.
UPDATE chat_usertrust
SET
    score = least(score + %(per_day)s * floor(extract(epoch FROM %(now)s - recovered_at) / 86400)::int, %(full)s),
    recovered_at = recovered_at + floor(extract(epoch FROM %(now)s - recovered_at) / 86400) * interval '1 day',
    updated_at = %(now)s
WHERE score < %(full)s AND recovered_at <= %(now)s - interval '1 day'
