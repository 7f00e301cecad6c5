"""Completes the OpenAPI document with what FastAPI does not know: reasons, headers, roles, links, shared responses."""
