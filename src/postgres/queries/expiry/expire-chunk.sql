-- Expires waiting jobs of a bulk: all of them when it is past its maximum age, else those past a deadline of their own whose
-- job type says that a late answer is worth nothing. Jobs under way are left to their end. Jobs that wait for approval have no
-- index of their own and are only looked for when the counts say that there are any.
--
-- $1 bulk_id text  $2 aged boolean  $3 rows_max integer
-- rows: 1
-- locks: the jobs changed, skipping those being dispatched
-- index: jobs_queued, jobs_by_line, jobs_pkey
-- not null: expired
WITH waiting AS MATERIALIZED (
  (SELECT id FROM jobs
    WHERE bulk_id = $1::text AND state = 'queued' AND ($2::boolean OR (expires_at_deadline AND deadline_at <= clock_timestamp()))
    LIMIT $3::integer)
  UNION ALL
  (SELECT id FROM jobs
    WHERE bulk_id = $1::text AND state = 'awaiting_approval' AND ($2::boolean OR (expires_at_deadline AND deadline_at <= clock_timestamp()))
      AND (SELECT sum(c.jobs) > 0
             FROM (SELECT jobs FROM job_tallies WHERE bulk_id = $1::text AND state = 'awaiting_approval'
                   UNION ALL
                   SELECT jobs FROM job_tally_changes WHERE bulk_id = $1::text AND state = 'awaiting_approval') c)
    LIMIT $3::integer)
), chosen AS MATERIALIZED (
  SELECT id FROM jobs
   WHERE id IN (SELECT id FROM waiting) AND state IN ('queued', 'awaiting_approval')
   ORDER BY id LIMIT $3::integer FOR UPDATE SKIP LOCKED
), expired AS (
  UPDATE jobs j
     SET state = 'expired', finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq'), wait_reason = NULL, not_before = NULL
    FROM chosen c
   WHERE j.id = c.id
)
SELECT count(*)::integer AS expired FROM chosen
