"""Several reads in one answer."""
