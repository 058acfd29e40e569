-- The realtime calls in the scope of a stop: in flight now, the most that open ones can cost (those of dead processes included, until
-- they are booked), and aborted since it was set.
--
-- $1 scope text  $2 target text  $3 since timestamptz  $4 until timestamptz | null
-- rows: 1
-- locks: none
-- index: attempts_in_flight, attempts_aborted, bulks_pkey, processes_pkey
-- not null: in_flight, worst_nano, aborted, aborted_nano
SELECT o.in_flight, o.worst_nano, b.aborted, b.aborted_nano
  FROM (SELECT (count(*) FILTER (WHERE NOT coalesce(is_gone(p), true)))::integer AS in_flight,
               coalesce(sum(a.worst_nano), 0)::bigint AS worst_nano
          FROM attempts a JOIN bulks k ON k.id = a.bulk_id LEFT JOIN processes p ON p.id = a.process_id
         WHERE a.state = 'open' AND a.lane = 'realtime'
           AND in_scope($1::text, $2::text, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id)) o
 CROSS JOIN
       (SELECT count(*)::integer AS aborted, coalesce(sum(a.cost_nano), 0)::bigint AS aborted_nano
          FROM attempts a JOIN bulks k ON k.id = a.bulk_id
         WHERE a.outcome = 'aborted' AND a.recorded_at >= $3::timestamptz
           AND ($4::timestamptz IS NULL OR a.recorded_at <= $4::timestamptz)
           AND in_scope($1::text, $2::text, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id)) b
