"""Verifies access tokens offline, and checks roles."""
