"""HTTP in, NATS out: the one process that HTTP clients talk to."""
