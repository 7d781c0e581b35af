"""What writes answers: a port and its implementations."""
