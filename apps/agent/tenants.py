"""The tenants that have rows here."""

from apps.agent.models import Tenant
from apps.agent.queries import tenant


def enrol() -> None:
    """Let the watchdog know of the acting tenant, which is about to have rows. Raises NoTenantError."""
    Tenant.objects.bulk_create([Tenant(id=tenant())], ignore_conflicts=True)
