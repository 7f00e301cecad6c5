"""How the gateway asks the services, and whether they are ready."""
