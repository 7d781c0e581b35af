-- Keep what no subscriber can be given as a dead letter.
INSERT INTO monolith_job (task, message_id, arguments, status, workers, errors, started_at, finished_at)
VALUES (
    %(task)s, %(message)s, jsonb_build_object(
        'args', jsonb_build_array(%(body)s::text), 'kwargs', jsonb_build_object('published_as', %(published_as)s::text)
    ),
    'dead',
    '["consumer"]', jsonb_build_array(%(error)s::jsonb), now(), now()
)
ON CONFLICT (message_id, task) WHERE message_id IS NOT NULL DO NOTHING
