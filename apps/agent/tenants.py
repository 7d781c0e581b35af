"""The tenants that have rows here."""

from apps.agent.models import Tenant
from apps.agent.queries import tenant


def enrol() -> None:
    """Let the watchdog know of the acting tenant, which is about to have rows. Raises NoTenantError."""
    Tenant.objects.bulk_create([Tenant(id=tenant())], ignore_conflicts=True)


def take_turn() -> None:
    """Wait until no other transaction of the acting tenant is in its turn, and be in it until this one ends.

    A row and no advisory lock, which modules may not take. Enrolling waits for nobody. Raises NoTenantError.
    """
    Tenant.objects.select_for_update(no_key=True).filter(id=tenant()).first()
