-- Reads the version of the flags, how long the lease of this process still runs, and, if the version is not the one known, all
-- open flags. One snapshot, so a version never stands beside the flags of another.
--
-- $1 known_version bigint  $2 process_id text
-- rows: one per open flag, or one with null columns if none is open or the known version is current
-- locks: none
-- index: flags_open, processes_pkey
-- not null: version
SELECT v.version,
       (SELECT extract(epoch FROM p.lease_until - clock_timestamp())::float8 * 1000 FROM processes p
         WHERE p.id = $2::text AND p.ended_at IS NULL AND p.reaped_at IS NULL) AS lease_left_ms,
       f.id, f.tenant_id, f.kind, f.scope, f.target, f.mode, f.reason, f.set_by, f.set_at
  FROM flag_version v LEFT JOIN flags f ON f.lifted_at IS NULL AND v.version <> $1::bigint
