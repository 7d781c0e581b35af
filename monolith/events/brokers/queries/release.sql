-- Let go of a name; of another's nothing happens.
DELETE FROM broker.claim WHERE environment = %(environment)s AND name = %(name)s AND holder = %(holder)s;
