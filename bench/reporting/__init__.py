"""The result of a run: samples, ratios, claims, tables."""
