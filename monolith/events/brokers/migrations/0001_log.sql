-- The log of messages: see docs/adr/0008. Rows of several environments may stand side by side, so that a copy of a
-- database begins with an empty log of its own.

-- One row for each environment. Whoever appends holds its row until the end of the transaction, so that positions become
-- visible in their order; `bytes` is what the kept messages count for.
CREATE TABLE log (
    environment text PRIMARY KEY,
    made uuid NOT NULL DEFAULT gen_random_uuid(),
    last bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10); -- written by each batch: its versions find room in its own page

CREATE TABLE message (
    environment text NOT NULL,
    position bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    bytes integer NOT NULL,
    body bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (environment, position),
    CONSTRAINT message_id_once UNIQUE (environment, id)
);
-- Each row lives for seconds: what is dead is cleared by number, not by a share of a table that is empty at rest.
ALTER TABLE message SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
                         autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
-- Envelopes of a kilobyte stay in the row; what is larger goes out of line, not compressed: it is gone in a second.
ALTER TABLE message ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX message_type ON message (environment, type, position);

-- `floor` is what a consumer has acknowledged, `reader` the one that may read as it now.
CREATE TABLE consumer (
    environment text NOT NULL,
    name text NOT NULL,
    types text[] NOT NULL,
    floor bigint NOT NULL DEFAULT 0,
    reader uuid,
    PRIMARY KEY (environment, name)
) WITH (fillfactor = 10);

CREATE TABLE claim (
    environment text NOT NULL,
    name text NOT NULL,
    holder text NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (environment, name)
);
CREATE INDEX claim_ends_at ON claim (ends_at);
