-- Renews the lease of a process that has neither ended nor been reaped, and says which session its control connection is now.
-- If no row changes, it has been declared dead.
--
-- $1 id text  $2 lease_ms float8
-- rows: none
-- locks: the process row
-- index: processes_pkey
UPDATE processes
   SET lease_until = clock_timestamp() + $2::float8 * interval '1 millisecond', session_pid = pg_backend_pid(),
       session_started_at = own_session_start()
 WHERE id = $1::text AND ended_at IS NULL AND reaped_at IS NULL
