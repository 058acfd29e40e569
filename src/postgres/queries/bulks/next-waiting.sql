-- What the next job of each lane waits for: the first in the order in which they are taken, not a count over all of them. And what
-- it may cost, for a ceiling that is in its way.
--
-- $1 bulk_id text
-- rows: one per lane at most
-- locks: none
-- index: jobs_queued
-- not null: lane
SELECT j.lane, j.wait_reason, j.not_before, j.model, j.input_tokens_max, j.output_tokens_max, j.cache_write, j.may_run_in_us, j.web_searches_max,
       j.labels::text AS labels
  FROM (VALUES ('realtime'), ('batch')) AS l(lane)
  CROSS JOIN LATERAL (
    SELECT * FROM jobs
     WHERE bulk_id = $1::text AND lane = l.lane AND state = 'queued'
     ORDER BY priority DESC, id
     LIMIT 1
  ) j
