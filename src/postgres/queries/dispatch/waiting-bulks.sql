-- The bulks that have realtime jobs queued, with how many, and how many of their queue's realtime jobs are out already. Exact
-- at this instant, because tallies and their unfolded changes are summed; its cost does not grow with the number of jobs.
--
-- $1 bulks_max integer
-- rows: one per bulk, oldest first
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk
-- not null: waiting, out
SELECT b.id AS bulk_id, b.tenant_id, b.queue_id, b.job_type, q.concurrency_max,
       sum(t.jobs) FILTER (WHERE t.state = 'queued')::integer AS waiting,
       coalesce(sum(t.jobs) FILTER (WHERE t.state IN ('dispatched', 'running')), 0)::integer AS out
  FROM bulks b
  JOIN queues q ON q.id = b.queue_id
  JOIN LATERAL (
    SELECT lane, state, jobs FROM job_tallies WHERE bulk_id = b.id
    UNION ALL
    SELECT lane, state, jobs FROM job_tally_changes WHERE bulk_id = b.id
  ) t ON t.lane = 'realtime'
 WHERE b.finished_at IS NULL
 GROUP BY b.id, b.tenant_id, b.queue_id, b.job_type, q.concurrency_max
HAVING sum(t.jobs) FILTER (WHERE t.state = 'queued') > 0
 ORDER BY b.id
 LIMIT $1::integer
