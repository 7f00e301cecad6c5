"""The sections of the report: one module measures each."""
