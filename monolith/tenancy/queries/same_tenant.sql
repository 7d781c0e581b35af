-- Let a row refer to rows of its own tenant only. PostgreSQL checks references past row-level security, so a key on the
-- id alone may point at another tenant's row, and a cascade would delete there.
ALTER TABLE {target} ADD CONSTRAINT {unique} UNIQUE (tenant_id, {target_column});
ALTER TABLE {table} ADD CONSTRAINT {foreign_key}
    FOREIGN KEY (tenant_id, {column}) REFERENCES {target} (tenant_id, {target_column}) DEFERRABLE INITIALLY DEFERRED;
