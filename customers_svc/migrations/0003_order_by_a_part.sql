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
