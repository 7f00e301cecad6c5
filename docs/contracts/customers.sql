-- The tables of customers, made by `make docs` of its migrations.

-- customers_svc/migrations/0001_customers.sql

-- "C" compares code points on every server, whatever its locale: cursors and indexes rely on one order.
-- What ends in _folded is written by the service (providers/postgres/folding.py): PostgreSQL alone cannot fold accents everywhere.
CREATE TABLE customers (
    customer_id         text COLLATE "C" PRIMARY KEY,
    company_name        text NOT NULL,
    contact_name        text,
    contact_title       text,
    address             text,
    city                text,
    region              text,
    postal_code         text,
    country             text,
    phone               text,
    fax                 text,
    version             integer NOT NULL DEFAULT 1,
    archived_at         timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),

    company_name_folded text COLLATE "C" NOT NULL,
    contact_name_folded text COLLATE "C" NOT NULL,
    city_folded         text COLLATE "C" NOT NULL,
    country_folded      text COLLATE "C" NOT NULL,

    -- Folded text has no line break, so nothing is found across two fields.
    search text NOT NULL GENERATED ALWAYS AS (
        lower(customer_id) || E'\n' || company_name_folded || E'\n' || contact_name_folded || E'\n'
        || city_folded || E'\n' || country_folded
    ) STORED
);

-- One index for each order and each filter of the list; each is read in both directions. The key comes last, since a
-- page begins behind the last row of the one before.
CREATE INDEX customers_by_company ON customers (company_name_folded, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_folded_city ON customers (city_folded, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_folded_country ON customers (country_folded, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_country ON customers (country, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_city ON customers (city, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_region ON customers (region, customer_id) WHERE archived_at IS NULL;

-- customers_svc/migrations/0002_idempotency_keys.sql

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

-- customers_svc/migrations/0003_order_by_a_part.sql

-- Folded text is kept whole, so that all of it is found; what lists are ordered by is its beginning, since an index
-- entry (2,704 bytes) and a cursor must hold it.
DROP INDEX customers_by_company, customers_by_folded_city, customers_by_folded_country;

ALTER TABLE customers
    ADD COLUMN company_name_order text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(company_name_folded, 160)) STORED,
    ADD COLUMN city_order         text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(city_folded, 160)) STORED,
    ADD COLUMN country_order      text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(country_folded, 160)) STORED;

CREATE INDEX customers_by_company_order ON customers (company_name_order, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_city_order ON customers (city_order, customer_id) WHERE archived_at IS NULL;
CREATE INDEX customers_by_country_order ON customers (country_order, customer_id) WHERE archived_at IS NULL;

-- customers_svc/migrations/0004_history.sql

-- A trigger writes the history, so that no writer can forget it: workers in every language, an import, a person with psql.
-- `mesh.user_id` and `mesh.request_id` are set for the transaction by the worker (reference/wire.md, W-STATE-7).
CREATE TABLE customer_changes (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    action      text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    user_id     text, -- null: not changed by a request
    request_id  text,
    changes     jsonb NOT NULL -- {"city": ["Berlin", "Bonn"]}: before and after
);

CREATE INDEX customer_changes_by_customer ON customer_changes (customer_id, position);

CREATE FUNCTION record_customer_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END;
    after  jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO customer_changes (customer_id, version, action, user_id, request_id, changes)
    SELECT NEW.customer_id, NEW.version,
        CASE
            WHEN TG_OP = 'INSERT' THEN 'created'
            WHEN before->>'archived_at' IS NULL AND NEW.archived_at IS NOT NULL THEN 'archived'
            WHEN before->>'archived_at' IS NOT NULL AND NEW.archived_at IS NULL THEN 'restored'
            ELSE 'updated'
        END,
        -- after a transaction that set them, they are empty and not null
        nullif(current_setting('mesh.user_id', true), ''), nullif(current_setting('mesh.request_id', true), ''),
        coalesce(jsonb_object_agg(name, jsonb_build_array(before->name, after->name)) FILTER (
            WHERE before->>name IS DISTINCT FROM after->>name
        ), '{}')
    FROM unnest(ARRAY[
        'company_name', 'contact_name', 'contact_title', 'address', 'city', 'region', 'postal_code', 'country', 'phone', 'fax'
    ]) AS name;
    RETURN NULL;
END
$$;

-- Only what makes a version: a column that the service computes anew is no change of the customer.
CREATE TRIGGER customers_history AFTER INSERT OR UPDATE OF version ON customers
    FOR EACH ROW EXECUTE FUNCTION record_customer_change();

CREATE INDEX customers_archived ON customers (customer_id) WHERE archived_at IS NOT NULL;

-- customers_svc/migrations/0005_trigrams.sql

-- A search for a part of a text reads the whole table, unless the server has pg_trgm: PostgreSQL's own packages and images
-- have it, an embedded server has not. Where the extension comes later, its index is made by hand (docs/guides/operating.md).
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX customers_by_trigram ON customers USING gin (search gin_trgm_ops);
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR undefined_object THEN NULL; -- the worker says so
END
$$;

-- customers_svc/migrations/0006_dates.sql

-- Lists select customers by when they were created or changed.
CREATE INDEX customers_by_created_at ON customers (created_at);
CREATE INDEX customers_by_updated_at ON customers (updated_at);

-- providers/postgres/event_tables/events_0001_outbox_and_inbox.sql

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
