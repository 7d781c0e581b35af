-- Keep the answer with its request.
UPDATE monolith_commandrecord SET result = %s WHERE id = %s
