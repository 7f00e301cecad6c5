-- Lists select customers by when they were created or changed.
CREATE INDEX customers_by_created_at ON customers (created_at);
CREATE INDEX customers_by_updated_at ON customers (updated_at);
