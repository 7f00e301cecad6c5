-- A trigger writes the history, so that no writer can forget it: workers in every language, older workers during a
-- deployment, a person with psql. A worker sets mesh.user_id and mesh.request_id for its transaction (W-STATE-7).
CREATE TABLE product_prices (
    price_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id     integer NOT NULL REFERENCES products,
    unit_price     numeric(10, 2) NOT NULL,
    previous_price numeric(10, 2), -- null: the first one
    user_id        text, -- null: not set by a request
    request_id     text,
    at             timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX product_prices_by_product ON product_prices (product_id, price_id);

-- It is not known when these prices were set, but they are not younger than the last change.
INSERT INTO product_prices (product_id, unit_price, at)
SELECT product_id, unit_price, updated_at FROM products ORDER BY product_id;

CREATE FUNCTION record_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO product_prices (product_id, unit_price, previous_price, user_id, request_id)
    VALUES (
        NEW.product_id,
        NEW.unit_price,
        OLD.unit_price, -- null at an INSERT
        -- after a transaction that set them, they are empty and not null
        nullif(current_setting('mesh.user_id', true), ''),
        nullif(current_setting('mesh.request_id', true), '')
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER products_first_price AFTER INSERT ON products
    FOR EACH ROW EXECUTE FUNCTION record_price();

CREATE TRIGGER products_new_price AFTER UPDATE OF unit_price ON products
    FOR EACH ROW WHEN (OLD.unit_price <> NEW.unit_price) EXECUTE FUNCTION record_price();
