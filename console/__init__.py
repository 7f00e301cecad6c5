"""The console: a page that shows the running mesh, its requests, events and logs."""
