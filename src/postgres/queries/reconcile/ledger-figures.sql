-- What the ledger says of attempts by the UTC day on which the provider answered, the day they began, model, lane and batch. Later
-- corrections count on the day of their attempt. Entries without an attempt (spend found after a restore) count on
-- their own day. The ledger is read by the time of booking, a piece at a time, so that a large one makes short statements; the sums
-- of the pieces add up.
--
-- $1 since timestamptz  $2 until timestamptz (not included)  $3 booked_since timestamptz  $4 booked_until timestamptz (not included)
-- rows: one per day, first day, model, lane and batch of attempts that ran within the span
-- locks: none
-- index: ledger_by_tenant, attempts_pkey, message_batches_pkey
-- not null: day, since, model, lane, attempts, settled_nano, presumed_nano
-- nullable: provider_id
SELECT (e.ended_at AT TIME ZONE 'UTC')::date AS day, (e.began_at AT TIME ZONE 'UTC')::date AS since, l.model, l.lane, b.provider_id,
       count(*) FILTER (WHERE l.kind <> 'correction' OR a.job_id IS NULL)::integer AS attempts,
       coalesce(sum(l.amount_nano) FILTER (WHERE a.state IS DISTINCT FROM 'presumed'), 0)::bigint AS settled_nano,
       coalesce(sum(l.amount_nano) FILTER (WHERE a.state = 'presumed'), 0)::bigint AS presumed_nano
  FROM tenants t
  JOIN ledger l ON l.tenant_id = t.id AND l.created_at >= $3::timestamptz AND l.created_at < $4::timestamptz
  LEFT JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no
  LEFT JOIN message_batches b ON b.id = a.message_batch_id
 CROSS JOIN LATERAL (
    SELECT coalesce(a.answered_at, a.recorded_at, l.created_at) AS ended_at,
           coalesce(b.provider_created_at, a.sent_at, a.claimed_at, l.created_at) AS began_at
  ) e
 WHERE e.ended_at >= $1::timestamptz AND e.began_at < $2::timestamptz
 GROUP BY 1, 2, 3, 4, 5
