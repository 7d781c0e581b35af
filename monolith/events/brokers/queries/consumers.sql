-- The consumers of this environment with what each wants.
SELECT name, types FROM broker.consumer WHERE environment = %(environment)s;
