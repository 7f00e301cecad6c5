"""The whole system as one object."""
