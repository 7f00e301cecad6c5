-- Lists select orders by when they changed last.
CREATE INDEX orders_by_updated_at ON orders (updated_at);
