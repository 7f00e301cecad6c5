"""Processes: started, watched, stopped so that nothing remains."""
