"""Starts, changes and stops a mesh on this machine."""
