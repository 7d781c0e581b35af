"""Where today's events come from: a port and its implementations."""
