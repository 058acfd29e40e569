-- A process says goodbye: it has nothing in flight and starts nothing more.
--
-- $1 id text
-- rows: none
-- locks: the process row
-- index: processes_pkey
UPDATE processes SET ended_at = clock_timestamp() WHERE id = $1::text AND ended_at IS NULL
