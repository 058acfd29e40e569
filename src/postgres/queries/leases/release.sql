-- Gives a lease back before its end, so that the next holder need not wait. The row stays: its epoch must not begin anew.
--
-- $1 name text  $2 holder text  $3 epoch bigint
-- rows: none
-- locks: the lease row
-- index: leases_pkey
UPDATE leases SET expires_at = clock_timestamp()
 WHERE name = $1::text AND holder = $2::text AND epoch = $3::bigint
