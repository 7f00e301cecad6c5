"""What a message bus is to the runtime, and one in memory."""
