"""Durable events: stored in a stream, sent from an outbox, handled at least once (docs/reference/wire.md)."""
