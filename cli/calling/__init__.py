"""Sends requests, and says what may be sent."""
