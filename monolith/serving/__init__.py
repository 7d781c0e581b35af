"""Serving a tier, and running every tier of a project on one machine."""
