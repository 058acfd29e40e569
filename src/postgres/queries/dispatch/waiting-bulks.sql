-- The bulks that have realtime jobs queued, with how many, and how many realtime jobs of their whole queue are out: also those of
-- bulks that have nothing queued any more, as a single job has not once it is dispatched. Of every tenant and queue the oldest bulk
-- first, then of each the next one: however many bulks somebody has waiting (paused, or without room under a ceiling), there is
-- room for everybody's. A bulk that is being canceled or waits for a second person starts nothing. Exact at this instant, because tallies and their unfolded changes are summed; its cost grows with the
-- number of unfinished bulks and not with the number of jobs.
--
-- $1 bulks_max integer
-- rows: one per bulk
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk
-- not null: bulk_id, tenant_id, queue_id, job_type, waiting, out
WITH open AS (
  SELECT b.id, b.tenant_id, b.queue_id, b.job_type, CASE WHEN b.canceled_at IS NULL AND b.approval IS DISTINCT FROM 'waiting' THEN t.waiting ELSE 0 END AS waiting, t.out
    FROM bulks b
   CROSS JOIN LATERAL (
     SELECT coalesce(sum(c.jobs) FILTER (WHERE c.state = 'queued'), 0)::integer AS waiting,
            coalesce(sum(c.jobs) FILTER (WHERE c.state IN ('dispatched', 'running')), 0)::integer AS out
       FROM (SELECT state, jobs FROM job_tallies WHERE bulk_id = b.id AND lane = 'realtime'
             UNION ALL
             SELECT state, jobs FROM job_tally_changes WHERE bulk_id = b.id AND lane = 'realtime') c
   ) t
   WHERE b.finished_at IS NULL
), ranked AS (
  SELECT o.*, sum(o.out) OVER (PARTITION BY o.queue_id)::integer AS queue_out,
         row_number() OVER (PARTITION BY o.tenant_id, o.queue_id, o.waiting > 0 ORDER BY o.id) AS place
    FROM open o
)
SELECT r.id AS bulk_id, r.tenant_id, r.queue_id, r.job_type, q.concurrency_max, r.waiting, r.queue_out AS out
  FROM ranked r JOIN queues q ON q.id = r.queue_id
 WHERE r.waiting > 0
 ORDER BY r.place, r.id
 LIMIT $1::integer
