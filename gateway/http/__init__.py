"""HTTP/1.1 below the application: heads, framing, timeouts."""
