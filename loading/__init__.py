"""Reads that come together are done together."""
