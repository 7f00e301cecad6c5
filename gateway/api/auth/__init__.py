"""Accounts, sessions, users, the audit log."""
