-- Unfinished jobs of some queues by lane and state, as one tenant may see them: a shared queue shows a tenant its own work only.
-- Read from the tallies of unfinished bulks, so it costs the same whatever waits in them.
--
-- $1 queue_id text[]  $2 tenant_id text | null (null: of every tenant)
-- rows: one per queue, lane and state that has jobs
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk
-- not null: queue_id, lane, state, jobs
SELECT b.queue_id, t.lane, t.state, sum(t.jobs)::bigint AS jobs
  FROM bulks b
  CROSS JOIN LATERAL (
    SELECT lane, state, jobs FROM job_tallies WHERE bulk_id = b.id
    UNION ALL
    SELECT lane, state, jobs FROM job_tally_changes WHERE bulk_id = b.id
  ) t
 WHERE b.queue_id = ANY ($1::text[]) AND b.finished_at IS NULL AND ($2::text IS NULL OR b.tenant_id = $2::text)
   AND t.state IN ('queued', 'dispatched', 'running', 'awaiting_approval')
 GROUP BY b.queue_id, t.lane, t.state
HAVING sum(t.jobs) <> 0
 ORDER BY b.queue_id, t.lane, t.state
