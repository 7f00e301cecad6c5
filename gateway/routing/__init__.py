"""How routes declare their endpoint, and how requests are read, matched and answered."""
