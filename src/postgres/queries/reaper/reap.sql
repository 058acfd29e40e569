-- Declares processes dead whose lease has ended. They never come back under this id.
--
-- $1 rows_max integer
-- rows: one per process reaped now
-- locks: the rows changed, skipping those being renewed or reaped by another
-- index: processes_alive
UPDATE processes SET reaped_at = clock_timestamp()
 WHERE id IN (SELECT id FROM processes
               WHERE ended_at IS NULL AND reaped_at IS NULL AND lease_until < clock_timestamp()
               ORDER BY lease_until LIMIT $1::integer FOR UPDATE SKIP LOCKED)
RETURNING id
