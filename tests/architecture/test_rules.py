"""The reference application breaks no rule of `manage.py verify`."""

from monolith.testing.verification import (  # noqa: F401 (pytest collects what is imported)
    test_every_rule_is_kept,
    test_grants_are_as_declared,
    verification,
)
