"""Which changes of a contract break those who use it (ADR 30)."""
