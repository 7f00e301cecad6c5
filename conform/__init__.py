"""The conformance kit: holds whatever answers on the bus against the rules of docs/reference/wire.md."""
