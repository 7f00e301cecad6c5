"""The short path past FastAPI, with the same responses (ADR 9)."""
