"""Where forecasts come from: a port and its implementations."""
