"""Generates collections of HTTP requests from the OpenAPI document, for Postman and for editors."""
