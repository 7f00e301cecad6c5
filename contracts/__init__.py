"""What crosses NATS: the payloads of every subject, one module per owning service."""
