"""`mesh contracts`: what programs in other languages read about the mesh."""
