-- Show the table's owner, and nobody else, the rows of all tenants.
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
