"""The ways a call can take to its provider."""
