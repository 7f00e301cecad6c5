"""Joins concurrent reads."""
