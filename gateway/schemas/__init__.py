"""The shapes of the HTTP API, one module per service."""
