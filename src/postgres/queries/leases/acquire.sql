-- Takes a lease that is free, has ended, or is one's own. The epoch rises with every taking: a holder that lost it without
-- noticing writes under an older one.
--
-- $1 name text  $2 holder text  $3 ttl_ms float8
-- rows: 0 or 1; none while somebody else holds it
-- locks: the lease row
-- index: leases_pkey
INSERT INTO leases (name, holder, expires_at)
VALUES ($1::text, $2::text, clock_timestamp() + $3::float8 * interval '1 millisecond')
ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder, epoch = leases.epoch + 1, expires_at = excluded.expires_at
 WHERE leases.expires_at <= clock_timestamp() OR leases.holder = excluded.holder
RETURNING epoch
