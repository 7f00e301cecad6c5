"""HTTP semantics (RFC 9110) independent of routes: conditions, media types, JSON responses."""
