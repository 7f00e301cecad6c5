"""Looks for what is wrong with a running mesh: each finding says what to do."""
