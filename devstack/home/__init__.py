"""The folder of a stack: its lock, its secrets, what it says of itself."""
