-- Open realtime attempts whose process is dead or gone, with what decides the next step of their jobs.
--
-- $1 rows_max integer
-- rows: many
-- locks: none; whoever records first wins
-- index: attempts_in_flight, processes_pkey, jobs_pkey
-- not null: job_id, no, process_id, worst_nano, queue_id, attempts_counted, attempts_max
SELECT a.job_id, a.no, a.process_id, a.worst_nano, j.queue_id, (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max, j.cancel_requested_at
  FROM attempts a JOIN jobs j ON j.id = a.job_id LEFT JOIN processes p ON p.id = a.process_id
 WHERE a.state = 'open' AND a.lane = 'realtime' AND a.process_id IS NOT NULL
   AND (p.id IS NULL OR p.reaped_at IS NOT NULL OR p.ended_at IS NOT NULL)
 LIMIT $1::integer
