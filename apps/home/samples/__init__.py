"""Where the raw samples of probes are kept: a port, and its implementations on PostgreSQL and ClickHouse."""
