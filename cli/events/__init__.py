"""`mesh events`: shows stored events to operators, and lets them retry or drop dead letters."""
