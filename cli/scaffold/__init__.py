"""What `mesh new` writes: templates, and edits of the files that list services and endpoints."""
