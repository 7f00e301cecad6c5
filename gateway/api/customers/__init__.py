"""`/v1/customers`."""
