-- Since when shipping may let the goods leave (ADR 26). From then on the order cannot be cancelled.
ALTER TABLE orders ADD COLUMN dispatch_started_at timestamptz;
