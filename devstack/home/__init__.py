"""The folder of a stack: its lock, its secrets, its state."""
