"""Making the files of a new module."""
