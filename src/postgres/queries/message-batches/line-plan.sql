-- The lines of a message batch with their sizes and whether each is still wanted.
--
-- $1 message_batch_id text
-- rows: one per open attempt, in the order of jobs
-- locks: none
-- index: attempts_in_batch, jobs_pkey
-- not null: wanted
SELECT a.job_id, a.no, a.request_bytes, j.state = 'dispatched' AS wanted
  FROM attempts a JOIN jobs j ON j.id = a.job_id
 WHERE a.message_batch_id = $1 AND a.state = 'open' AND a.lane = 'batch'
 ORDER BY a.job_id
