"""What a supervisor and a load balancer ask."""
