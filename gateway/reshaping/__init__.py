"""Other shapes of what GET answers: some fields, whole objects beside ids, CSV, and several answers in one (ADR 38)."""
