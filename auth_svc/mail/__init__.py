"""Tokens that users get by e-mail: to reset a password, and to verify an address (ADR 41)."""
