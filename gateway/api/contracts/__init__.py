"""The contracts on NATS, for administrators."""
