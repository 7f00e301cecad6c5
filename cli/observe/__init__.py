"""Looks at a running mesh: services, metrics, logs, traces, and what is wrong."""
