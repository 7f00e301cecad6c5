"""The `mesh` command: run the mesh on this machine, call it, look at it."""
