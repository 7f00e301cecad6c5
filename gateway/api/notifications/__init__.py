"""`/v1/notifications`."""
