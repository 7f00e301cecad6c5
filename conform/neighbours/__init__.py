"""Stands in for what surrounds the service under test: the stream of events, and orders."""
