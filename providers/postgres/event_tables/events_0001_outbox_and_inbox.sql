-- Shared by every service with durable events; a service's own migrations begin with their numbers.

-- Events that a transaction has written and the stream does not have yet. A relay deletes a row once the stream has it.
CREATE TABLE outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL,
    subject    text NOT NULL,
    aggregate  text NOT NULL,
    headers    text NOT NULL,
    body       bytea NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);

-- Each row lives for milliseconds: vacuum early, or the claims read dead rows.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The ids of the events that this service has applied, each written with its effect.
CREATE TABLE inbox (
    event_id   uuid PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX inbox_applied_at ON inbox (applied_at);
