-- Lists select products by when they were created or changed.
CREATE INDEX products_by_created_at ON products (created_at);
CREATE INDEX products_by_updated_at ON products (updated_at);
