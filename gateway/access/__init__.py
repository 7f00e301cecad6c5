"""Access control beyond the token: rate limits and revoked sessions."""
