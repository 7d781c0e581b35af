-- Hold the table's owner again. Checks that were put off to the end of the transaction come first: no table is altered
-- while any are pending.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
