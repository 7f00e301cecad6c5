"""`/v1/orders`."""
