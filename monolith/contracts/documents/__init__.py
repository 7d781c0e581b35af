"""Contracts as files: OpenAPI and JSON Schema, and what in them would break readers of the last release."""
