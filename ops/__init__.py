"""What production uses too: NATS permissions, keys, certificates, streams, generated files."""
