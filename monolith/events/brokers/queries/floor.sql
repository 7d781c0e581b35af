-- Up to where a consumer has let go of what it fetched.
SELECT floor FROM broker.consumer WHERE environment = %(environment)s AND name = %(consumer)s;
