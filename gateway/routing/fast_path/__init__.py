"""The short way past FastAPI, with the same answers (ADR 9)."""
