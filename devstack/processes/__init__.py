"""Starts, supervises and stops processes, and leaves none behind."""
