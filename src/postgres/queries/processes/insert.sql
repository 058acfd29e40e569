-- Registers a process with its first lease and the session of its control connection. One that was declared dead and lives says
-- under which id it goes on.
--
-- $1 id text  $2 host text  $3 pid integer  $4 roles text[]  $5 concurrency integer  $6 lease_ms float8  $7 old_id text | null
-- $8 identity text | null
-- rows: none
-- locks: the row of the old id
-- index: processes_pkey
WITH old AS (
  UPDATE processes SET again_as = $1::text WHERE id = $7::text
)
INSERT INTO processes (id, host, pid, roles, concurrency, lease_until, session_pid, session_started_at, identity)
VALUES ($1::text, $2::text, $3::integer, $4::text[], $5::integer, clock_timestamp() + $6::float8 * interval '1 millisecond',
        pg_backend_pid(), own_session_start(), $8::text)
