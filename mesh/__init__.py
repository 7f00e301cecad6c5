"""How the processes of the mesh talk: endpoints, the wire, callers, services and their errors."""
