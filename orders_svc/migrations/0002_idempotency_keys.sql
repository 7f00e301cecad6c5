-- What providers/postgres/idempotency.py keeps of writes that came with an Idempotency-Key.
CREATE TABLE idempotency_keys (
    scope      text NOT NULL, -- the subject, and the user who asked
    key        text NOT NULL,
    digest     bytea NOT NULL, -- of the payload
    reply      json, -- as it was sent; null within the transaction of the write alone
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
