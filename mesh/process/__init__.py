"""The life of one process: settings, start, signals, drain, heartbeat."""
