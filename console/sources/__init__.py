"""What the console sees of the mesh: discovery, metrics, traces, logs, events and mail."""
