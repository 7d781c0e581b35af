"""Tenants that the database enforces. Import from its files: `fields`, `operations`, `errors`, `admin`."""
