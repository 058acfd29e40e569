-- Claims an Idempotency-Key for one request. A row that is over its time, or that was left unanswered by a process that is
-- gone (its lease ended, or it is this process and the request is not running any more), is taken over.
--
-- $1 tenant_id text  $2 key text  $3 route text  $4 process_id text  $5 expires_at timestamptz  $6 running_here boolean
-- rows: 1 if claimed, 0 if the key is somebody else's; `claimed_at` fences the claim
-- locks: the key's row
-- index: idempotency_keys_pkey, processes_pkey
-- not null: claimed_at
INSERT INTO idempotency_keys AS k (tenant_id, key, route, process_id, created_at, expires_at)
VALUES ($1::text, $2::text, $3::text, $4::text, clock_timestamp(), $5::timestamptz)
ON CONFLICT (tenant_id, key) DO UPDATE
   SET route = excluded.route, process_id = excluded.process_id, created_at = excluded.created_at, expires_at = excluded.expires_at,
       body_sha256 = NULL, status = NULL, answer = NULL
 WHERE k.expires_at <= now()
    OR (k.status IS NULL AND k.process_id = $4::text AND NOT $6::boolean)
    OR (k.status IS NULL AND k.process_id <> $4::text
        AND NOT EXISTS (SELECT FROM processes p
                         WHERE p.id = k.process_id AND p.lease_until > now() AND p.ended_at IS NULL AND p.reaped_at IS NULL))
RETURNING k.created_at::text AS claimed_at
