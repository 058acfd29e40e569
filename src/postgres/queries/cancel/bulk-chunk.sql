-- Cancels the next open jobs of a bulk, in the order of its lines, and says which message batches they were in.
-- The caller goes on behind `last_line` until fewer than `rows_max` were canceled.
--
-- $1 bulk_id text  $2 after_line integer  $3 rows_max integer
-- rows: 1
-- locks: the jobs of the chunk, in the order of lines
-- index: jobs_by_line
-- not null: canceled, running
WITH chosen AS MATERIALIZED (
  SELECT id, line, state, lane, message_batch_id FROM jobs
   WHERE bulk_id = $1::text AND line > $2::integer AND state IN ('queued', 'dispatched', 'running', 'awaiting_approval')
   ORDER BY line LIMIT $3::integer FOR UPDATE
), canceled AS (
  UPDATE jobs j
     SET state = 'canceled', cancel_requested_at = now(), finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq'),
         wait_reason = NULL, not_before = NULL, lease_until = NULL, process_id = NULL
    FROM chosen c
   WHERE j.id = c.id
)
SELECT count(*)::integer AS canceled, max(line) AS last_line,
       (count(*) FILTER (WHERE lane = 'realtime' AND state = 'running'))::integer AS running,
       array_agg(DISTINCT message_batch_id) FILTER (WHERE message_batch_id IS NOT NULL) AS message_batch_ids
  FROM chosen
