"""What handlers and callers import: endpoints, events, errors, the current request."""
