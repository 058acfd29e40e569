-- Locks the jobs that are to have another attempt behind a paid one, and reads what their caps are held against. An attempt that
-- somebody else has closed, or that is not its job's current one, is not in the answer: its job does not move.
--
-- $1 job_id text[]  $2 attempt_no smallint[]
-- rows: one per job that would go on
-- locks: attempts, then jobs, in id order, until the end of the transaction
-- index: attempts_pkey, jobs_pkey, bulks_pkey
-- not null: draws
WITH open AS MATERIALIZED (
  SELECT a.job_id, a.no
    FROM unnest($1::text[], $2::smallint[]) AS e(job_id, no) JOIN attempts a ON a.job_id = e.job_id AND a.no = e.no
   WHERE a.state = 'open'
   ORDER BY a.job_id, a.no FOR UPDATE OF a
)
SELECT j.id, j.bulk_id, j.continuations, j.tokens_used, j.tokens_reserved, j.input_tokens_max, j.output_tokens_max, b.caps,
       b.attempts_left IS NOT NULL OR b.tokens_left IS NOT NULL AS draws
  FROM open o JOIN jobs j ON j.id = o.job_id JOIN bulks b ON b.id = j.bulk_id
 WHERE j.attempt_no = o.no AND j.state IN ('dispatched', 'running')
 ORDER BY j.id FOR UPDATE OF j
