"""The migrator's database engine: django-pgschemas' search path, and the role that owns the schema."""
