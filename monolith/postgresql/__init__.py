"""The serving processes' database engine: Django's own, which also knows whose transaction it opens."""
