-- Renews the lease of a process that has neither ended nor been reaped. Zero rows: it has been declared dead.
--
-- $1 id text  $2 lease_ms float8
-- rows: none
-- locks: the process row
-- index: processes_pkey
UPDATE processes SET lease_until = clock_timestamp() + $2::float8 * interval '1 millisecond'
 WHERE id = $1::text AND ended_at IS NULL AND reaped_at IS NULL
