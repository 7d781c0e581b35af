"""Where deliveries go: a port and its implementations."""
