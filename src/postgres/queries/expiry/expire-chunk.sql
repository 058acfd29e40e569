-- Expires waiting jobs of a bulk: all of them when it is past its maximum age, else those past a deadline of their own whose
-- job type says that a late answer is worth nothing. Jobs under way are left to their end.
--
-- $1 bulk_id text  $2 aged boolean  $3 rows_max integer
-- rows: 1
-- locks: the jobs changed, skipping those being dispatched
-- index: jobs_queued, jobs_by_line
-- not null: expired
WITH chosen AS MATERIALIZED (
  SELECT id FROM jobs
   WHERE bulk_id = $1::text AND state IN ('queued', 'awaiting_approval')
     AND ($2::boolean OR (expires_at_deadline AND deadline_at <= clock_timestamp()))
   ORDER BY id LIMIT $3::integer FOR UPDATE SKIP LOCKED
), expired AS (
  UPDATE jobs j
     SET state = 'expired', finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq'), wait_reason = NULL, not_before = NULL
    FROM chosen c
   WHERE j.id = c.id
)
SELECT count(*)::integer AS expired FROM chosen
