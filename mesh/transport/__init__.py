"""What the runtime requires of a message bus, with an implementation in memory."""
