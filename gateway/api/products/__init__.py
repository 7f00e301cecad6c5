"""`/v1/products`, categories, suppliers."""
