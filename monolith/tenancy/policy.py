"""The rule that holds a table's rows to their tenant: the same words for migrations, audit and provisioning."""

from typing import Final

TENANT_COLUMN: Final = "tenant_id"
SETTING: Final = "monolith.tenant"
"""The transaction's tenant, as PostgreSQL knows it. Empty, as it is after a transaction, means none."""
POLICY: Final = "monolith_tenant"
CURRENT_TENANT: Final = f"nullif(current_setting('{SETTING}', true), '')"
"""SQL for the transaction's tenant; NULL, which equals no row's, when there is none."""
TENANT_RULE: Final = f"({TENANT_COLUMN} = NULLIF(current_setting('{SETTING}'::text, true), ''::text))"
"""The policy as PostgreSQL prints it: for rows that are seen and for rows that are written."""
