"""NATS, PostgreSQL and MongoDB from wheels."""
