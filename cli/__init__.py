"""The `mesh` command: runs the mesh on this machine, calls and inspects it."""
