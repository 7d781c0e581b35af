-- Remove a consumer that wants nothing any more.
DELETE FROM broker.consumer WHERE environment = %(environment)s AND name = %(consumer)s;
