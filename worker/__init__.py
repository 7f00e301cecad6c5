"""What every worker shares: its wiring, its store's opening, and how an outage of the store is told."""
