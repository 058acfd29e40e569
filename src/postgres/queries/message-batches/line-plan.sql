-- The lines of a message batch with their sizes and whether each is still wanted: not one that was canceled, nor one whose money was held
-- by a count of the provider that is no bound any more.
--
-- $1 message_batch_id text
-- rows: one per open attempt, in the order of jobs
-- locks: none
-- index: attempts_in_batch, jobs_pkey, count_trust_pkey
-- not null: job_id, no, request_bytes, wanted
SELECT a.job_id, a.no, a.request_bytes,
       j.state = 'dispatched' AND (coalesce(a.input_tokens_max, j.input_tokens_max) >= j.input_tokens_max OR t.off_at IS NULL) AS wanted
  FROM attempts a JOIN jobs j ON j.id = a.job_id LEFT JOIN count_trust t ON t.model = a.model
 WHERE a.message_batch_id = $1 AND a.state = 'open' AND a.lane = 'batch'
 ORDER BY a.job_id
