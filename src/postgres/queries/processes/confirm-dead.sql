-- Writes down that a process was seen to be dead. One whose lease runs shows itself; whoever saw it was mistaken.
--
-- $1 id text
-- rows: none
-- locks: the process row
-- index: processes_pkey
UPDATE processes SET confirmed_dead_at = clock_timestamp()
 WHERE id = $1::text AND lease_until < clock_timestamp() AND ended_at IS NULL AND confirmed_dead_at IS NULL
