-- Which log this is, and where it ends.
SELECT made, last FROM broker.log WHERE environment = %(environment)s;
