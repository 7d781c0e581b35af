-- Let go of what a consumer has fetched up to a position.
UPDATE broker.consumer SET floor = %(position)s
WHERE environment = %(environment)s AND name = %(consumer)s AND floor < %(position)s;
