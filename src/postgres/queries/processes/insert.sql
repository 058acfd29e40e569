-- Registers a process with its first lease.
--
-- $1 id text  $2 host text  $3 pid integer  $4 roles text[]  $5 concurrency integer  $6 lease_ms float8
-- rows: none
-- locks: none beyond the new row
-- index: processes_pkey
INSERT INTO processes (id, host, pid, roles, concurrency, lease_until)
VALUES ($1::text, $2::text, $3::integer, $4::text[], $5::integer, clock_timestamp() + $6::float8 * interval '1 millisecond')
