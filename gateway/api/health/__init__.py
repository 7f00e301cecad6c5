"""Probes for a supervisor and a load balancer."""
