"""`/v1/shipments`."""
