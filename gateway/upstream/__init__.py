"""Calls to the services, and their readiness."""
