-- What is switched off.
SELECT name FROM monolith_switch WHERE NOT is_on ORDER BY name
