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
