"""Middleware around every request, whatever its route."""
