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
