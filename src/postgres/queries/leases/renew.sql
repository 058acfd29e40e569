-- Renews a lease that nobody has taken since. Zero rows: it is lost.
--
-- $1 name text  $2 holder text  $3 epoch bigint  $4 ttl_ms float8
-- rows: none
-- locks: the lease row
-- index: leases_pkey
UPDATE leases SET expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
 WHERE name = $1::text AND holder = $2::text AND epoch = $3::bigint
