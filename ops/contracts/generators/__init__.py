"""Types and a table of subjects for programs in other languages, made of an export (ADR 28)."""
