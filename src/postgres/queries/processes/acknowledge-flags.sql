-- Writes down which version of the flags a process obeys, and when it last began a call before that: what a stop waits for.
--
-- $1 id text  $2 flag_version bigint  $3 last_call_at timestamptz | null
-- rows: none
-- locks: the process row
-- index: processes_pkey
UPDATE processes SET flag_version = $2::bigint, last_call_at = $3::timestamptz WHERE id = $1::text AND flag_version < $2::bigint
