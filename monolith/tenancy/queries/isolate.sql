-- Hold every row of a table to its tenant, for its owner too. Without a tenant the comparison is NULL: no row is seen,
-- none can be written. An INSERT that leaves the column out gets the transaction's tenant.
-- The policy may be there already: a column's type cannot change while one names it.
DROP POLICY IF EXISTS monolith_tenant ON {table};
ALTER TABLE {table}
    ALTER COLUMN tenant_id TYPE text,
    ALTER COLUMN tenant_id SET DEFAULT nullif(current_setting('monolith.tenant', true), ''),
    ALTER COLUMN tenant_id SET NOT NULL,
    ENABLE ROW LEVEL SECURITY,
    FORCE ROW LEVEL SECURITY;
CREATE POLICY monolith_tenant ON {table}
    USING (tenant_id = nullif(current_setting('monolith.tenant', true), ''))
    WITH CHECK (tenant_id = nullif(current_setting('monolith.tenant', true), ''));
