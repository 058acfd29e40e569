-- What each process that lived when a stop was set, or may live yet, says of it; with its last start before it did and the calls in
-- scope that it has in flight.
--
-- $1 stop_id text
-- rows: one per process
-- locks: none
-- index: stops_pkey, flags_pkey, attempts_in_flight, bulks_pkey
-- not null: state, calls_in_flight
SELECT p.id, p.host, p.pid, p.roles, stop_state(p, s.flag_version) AS state, p.last_call_at,
       (SELECT count(*)::integer FROM attempts a JOIN bulks k ON k.id = a.bulk_id
         WHERE a.process_id = p.id AND a.state = 'open' AND a.lane = 'realtime' AND NOT is_gone(p)
           AND in_scope(f.scope, f.target, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id)) AS calls_in_flight
  FROM stops s JOIN flags f ON f.id = s.id CROSS JOIN processes p
 WHERE s.id = $1::text AND p.started_at <= coalesce(s.completed_at, clock_timestamp())
   AND (p.ended_at IS NULL OR p.ended_at >= f.set_at)
   AND (p.lease_until >= f.set_at OR stop_state(p, s.flag_version) = 'unconfirmed')
 ORDER BY p.started_at, p.id
