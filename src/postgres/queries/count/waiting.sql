-- Waiting jobs for which a ceiling had no room and whose requests the provider has not counted yet, the oldest of each model behind the
-- last one looked at. Continued ones hold what the provider does not count.
--
-- $1 model text[]  $2 after_id text[] (one a model)  $3 jobs_max integer
-- rows: up to jobs_max a model
-- locks: none
-- index: jobs_uncounted, job_inputs_pkey
SELECT j.id, j.tenant_id, j.queue_id, j.bulk_id, j.job_type, j.model, j.prompt_version, j.request_sha256,
       j.labels::text AS labels, i.input
  FROM unnest($1::text[], $2::text[]) AS m(model, after_id)
 CROSS JOIN LATERAL (
   SELECT * FROM jobs q
    WHERE q.model = m.model AND q.id > m.after_id AND q.state = 'queued' AND q.wait_reason = 'budget' AND q.input_tokens_counted IS NULL AND q.continuations = 0
    ORDER BY q.id LIMIT $3::integer
 ) j
  JOIN job_inputs i ON i.job_id = j.id
