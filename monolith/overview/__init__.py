"""The map of a system: its modules, what each has, promises and needs, and where it runs."""
