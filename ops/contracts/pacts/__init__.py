"""Consumer contracts in Pact's format: what each consumer sends and reads (ADR 32)."""
