-- When a shipment got its version. Until now this was its last step.
ALTER TABLE shipments ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE shipments SET updated_at = greatest(created_at, dispatched_at, delivered_at, stopped_at);
-- Lists select shipments by when they were created or changed.
CREATE INDEX shipments_by_created_at ON shipments (created_at);
CREATE INDEX shipments_by_updated_at ON shipments (updated_at);
