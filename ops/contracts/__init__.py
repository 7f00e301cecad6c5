"""The contracts of the mesh for every language: JSON Schemas, AsyncAPI, reasons, and pages for people."""
