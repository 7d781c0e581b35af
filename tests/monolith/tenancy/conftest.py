"""The fixtures of the tests about tenants."""

from tests.monolith.tenancy.toy import tenant_tables

__all__ = ["tenant_tables"]
