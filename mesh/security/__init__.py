"""Access tokens, verified offline."""
