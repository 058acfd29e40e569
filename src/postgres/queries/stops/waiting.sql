-- How many jobs in a scope wait: queued, or dispatched and not begun. From the tallies of unfinished bulks; only for a model, which
-- may differ from line to line, jobs are counted one by one.
--
-- $1 scope text  $2 target text
-- rows: 1
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk, jobs_queued
-- not null: jobs
SELECT coalesce(sum(n.jobs), 0)::bigint AS jobs
  FROM (
    SELECT t.jobs
      FROM bulks b
     CROSS JOIN LATERAL (
       SELECT lane, state, jobs FROM job_tallies WHERE bulk_id = b.id
       UNION ALL
       SELECT lane, state, jobs FROM job_tally_changes WHERE bulk_id = b.id
     ) t
     WHERE $1::text <> 'model' AND b.finished_at IS NULL AND in_scope($1::text, $2::text, b.tenant_id, b.queue_id, b.job_type, '', b.id)
       AND (t.state = 'queued' OR (t.state = 'dispatched' AND t.lane = 'realtime'))
    UNION ALL
    SELECT count(*) FROM bulks b JOIN jobs j ON j.bulk_id = b.id
     WHERE $1::text = 'model' AND b.finished_at IS NULL AND j.state = 'queued' AND in_scope('model', $2::text, '', '', '', j.model, '')
  ) n
