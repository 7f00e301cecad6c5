"""What the API says of itself: where its documents are, and what its problems mean."""
