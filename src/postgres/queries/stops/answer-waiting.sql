-- Answers waiting jobs of a stop by the answer that their job type keeps for this: they succeed, decided by nobody, at no cost. None
-- while a restore waits for its recovery: their paid results may be at the provider.
--
-- $1 stop_id text  $2 job_type text[]  $3 output text[] (JSON, one a type)  $4 rows_max integer
-- rows: 1; how many were answered
-- locks: the jobs answered; rows locked by others are skipped
-- index: flags_pkey, bulks_unfinished, jobs_queued, jobs_pkey, job_results_pkey
-- not null: answered
WITH stop AS MATERIALIZED (
  SELECT scope, target FROM flags WHERE id = $1::text AND kind = 'stop' AND lifted_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM restores WHERE recovered_at IS NULL)
), chosen AS MATERIALIZED (
  SELECT j.id, j.tenant_id, t.output
    FROM stop s
   CROSS JOIN unnest($2::text[], $3::text[]) AS t(job_type, output)
    JOIN bulks b ON b.job_type = t.job_type AND b.finished_at IS NULL AND b.canceled_at IS NULL
     AND b.approval IS DISTINCT FROM 'waiting'
     AND (s.scope = 'model' OR in_scope(s.scope, s.target, b.tenant_id, b.queue_id, b.job_type, '', b.id))
   CROSS JOIN LATERAL (
     SELECT q.id, q.tenant_id FROM jobs q
      WHERE q.bulk_id = b.id AND q.state = 'queued'
        AND in_scope(s.scope, s.target, q.tenant_id, q.queue_id, q.job_type, q.model, q.bulk_id)
      LIMIT $4::integer FOR UPDATE SKIP LOCKED
   ) j
   LIMIT $4::integer
), moved AS (
  UPDATE jobs j
     SET state = 'succeeded', finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq'), wait_reason = NULL,
         not_before = NULL, lease_until = NULL, process_id = NULL
    FROM chosen c
   WHERE j.id = c.id AND j.state = 'queued'
  RETURNING j.id
), stored AS (
  INSERT INTO job_results (job_id, tenant_id, output, decided_by)
  SELECT c.id, c.tenant_id, c.output, 'static' FROM chosen c JOIN moved m ON m.id = c.id
  ON CONFLICT (job_id) DO NOTHING
)
SELECT count(*)::integer AS answered FROM moved
