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
