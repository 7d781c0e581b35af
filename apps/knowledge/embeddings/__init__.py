"""Texts as vectors: a port and its implementations."""
