-- The way back of same_tenant.sql.
ALTER TABLE {table} DROP CONSTRAINT {foreign_key};
ALTER TABLE {target} DROP CONSTRAINT {unique};
