"""Runs the whole system on one machine without containers: real servers from wheels, and the services."""
