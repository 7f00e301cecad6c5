"""What HTTP means (RFC 9110), whatever the route: conditions, media types, JSON as an answer."""
