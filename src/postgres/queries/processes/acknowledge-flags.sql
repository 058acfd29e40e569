-- Writes down which version of the flags a process obeys: what a stop waits for.
--
-- $1 id text  $2 flag_version bigint
-- rows: none
-- locks: the process row
-- index: processes_pkey
UPDATE processes SET flag_version = $2::bigint WHERE id = $1::text AND flag_version < $2::bigint
