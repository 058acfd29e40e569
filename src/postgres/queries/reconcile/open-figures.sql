-- The worst case of attempts that have no end yet: in flight, in a batch at work, or with results that are not fetched.
--
-- rows: one per first day, model, lane and batch
-- locks: none
-- index: attempts_in_flight, attempts_in_batch, message_batches_pkey
-- not null: since, model, lane, open_nano
-- nullable: provider_id
SELECT (coalesce(b.provider_created_at, a.sent_at, a.claimed_at) AT TIME ZONE 'UTC')::date AS since, a.model, a.lane, b.provider_id,
       sum(a.worst_nano)::bigint AS open_nano
  FROM (SELECT * FROM attempts r WHERE r.state = 'open' AND r.lane = 'realtime' AND r.process_id IS NOT NULL
         UNION ALL
        SELECT * FROM attempts m WHERE m.state = 'open' AND m.lane = 'batch' AND m.message_batch_id IS NOT NULL) a
  LEFT JOIN message_batches b ON b.id = a.message_batch_id
 GROUP BY 1, 2, 3, 4
