"""`mesh events`: what operators see of durable events, and what they do about those that could not be handled."""
