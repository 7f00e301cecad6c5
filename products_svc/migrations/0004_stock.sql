-- What orders have reserved is still in stock, and counted apart.
ALTER TABLE products
    ADD COLUMN units_reserved integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT products_reserved_in_stock CHECK (units_reserved BETWEEN 0 AND units_in_stock);

CREATE TABLE stock_reservations (
    order_id   integer PRIMARY KEY,
    state      text NOT NULL,
    short      json NOT NULL DEFAULT '[]', -- of a refused one: product_id, wanted, in_stock
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE stock_movements (
    movement_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  integer NOT NULL REFERENCES products,
    kind        text NOT NULL,
    in_stock    integer NOT NULL, -- by how much units_in_stock changed
    reserved    integer NOT NULL, -- by how much units_reserved changed
    order_id    integer,
    user_id     text,
    reason      text,
    at          timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX stock_movements_by_product ON stock_movements (product_id, movement_id);
-- An order moves a product once in each way.
CREATE UNIQUE INDEX stock_movements_by_order ON stock_movements (order_id, kind, product_id) WHERE order_id IS NOT NULL;
