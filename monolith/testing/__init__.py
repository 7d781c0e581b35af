"""What a project's own tests can use: a real database with real roles, made once per run."""
