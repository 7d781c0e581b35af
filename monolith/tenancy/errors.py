"""What can go wrong with tenants.

TenantError
├── TenantChanged  a transaction that serves one tenant was asked to serve another
├── TenantNamed    SQL of a module names the tenant by itself
└── TenantRefused  PostgreSQL refused a row: it is another tenant's, or nobody's
"""

from monolith.errors import MonolithError


class TenantError(MonolithError):
    """Base of what can go wrong with tenants."""


class TenantChanged(TenantError):
    """A transaction that serves one tenant was asked to serve another."""

    def __init__(self, *, module: str, held: str, tenant: str) -> None:
        self.held = held
        self.tenant = tenant
        super().__init__(
            f"This transaction of module '{module}' serves tenant {held!r} and was asked to serve {tenant!r}. "
            f"One transaction serves one tenant: end it first, or enter acting(tenant=…) around atomic()."
        )


class TenantNamed(TenantError):
    """SQL of a module names the tenant by itself."""

    def __init__(self, *, module: str, statement: str) -> None:
        super().__init__(
            f"Module '{module}' would name the tenant in SQL, or could: {statement}. Only the framework sets "
            f"monolith.tenant, from acting(tenant=…). Run the code in that block; write the name of any other setting "
            f"as a plain literal in set_config, and no dynamic SQL where there are tenant tables."
        )


class TenantRefused(TenantError):
    """PostgreSQL refused a row: it is another tenant's, or nobody's."""

    def __init__(self, *, module: str, tenant: str, refusal: str) -> None:
        self.tenant = tenant
        whose = f"acts for tenant {tenant!r}, and the row is another's" if tenant else "acts for no tenant"
        fix = "Leave tenant_id out, or give it that tenant." if tenant else "Enter acting(tenant=…) first."
        super().__init__(f"Module '{module}' {whose}: {refusal}. {fix}")
