"""What every worker shares: its wiring, the opening of its store, and the report of outages."""
