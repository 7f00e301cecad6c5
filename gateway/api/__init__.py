"""The HTTP API, one package per service."""
