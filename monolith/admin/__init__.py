"""What modules build their admin pages from, and the index that groups those by module."""
