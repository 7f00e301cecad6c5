"""The HTTP API, one module per service."""
