"""How a route declares what it calls, and how it is read, matched and answered."""
