-- Folded text is kept whole, so that all of it is found; what lists are ordered by is its beginning, since an index
-- entry (2,704 bytes) and a cursor must hold it.
DROP INDEX products_by_name;

ALTER TABLE products
    ADD COLUMN product_name_order text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (left(product_name_folded, 160)) STORED;

CREATE INDEX products_by_name_order ON products (product_name_order, product_id);
