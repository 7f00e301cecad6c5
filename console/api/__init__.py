"""The console's routes, one file for each page."""
