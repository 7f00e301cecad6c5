"""The transport on NATS: all that imports nats."""
