"""The transport on NATS; the only code that imports nats-py."""
