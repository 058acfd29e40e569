-- Marks a bulk as deleted if nothing of it can still change: every job has its outcome and no attempt is open. From then on
-- its content is not shown any more; bulks/erase-lines removes it.
--
-- $1 id text  $2 tenant_id text  $3 deleted_by text
-- rows: 0 (no such bulk here) or 1; `open_jobs` and `open_attempts` say what stands against it, nothing was changed unless both are 0
-- locks: the bulk's row
-- index: bulks_pkey, attempts_in_flight, attempts_in_batch
-- not null: open_jobs, open_attempts
WITH bulk AS (
  SELECT id FROM bulks WHERE id = $1::text AND tenant_id = $2::text FOR UPDATE
), against AS (
  SELECT b.id,
         (SELECT coalesce(sum(t.jobs), 0)::bigint
            FROM (SELECT state, jobs FROM job_tallies WHERE bulk_id = $1::text
                  UNION ALL SELECT state, jobs FROM job_tally_changes WHERE bulk_id = $1::text) t
           WHERE t.state IN ('queued', 'dispatched', 'running', 'awaiting_approval')) AS open_jobs,
         (SELECT count(*) FROM attempts WHERE bulk_id = $1::text AND state = 'open' AND lane = 'realtime')
           + (SELECT count(*) FROM attempts WHERE bulk_id = $1::text AND state = 'open' AND lane = 'batch') AS open_attempts
    FROM bulk b
), marked AS (
  UPDATE bulks b
     SET deleted_at = coalesce(b.deleted_at, now()), deleted_by = coalesce(b.deleted_by, $3::text), shared = NULL, labels = '{}'
    FROM against a
   WHERE b.id = a.id AND a.open_jobs = 0 AND a.open_attempts = 0
)
SELECT open_jobs, open_attempts FROM against
