-- A credential's state, with the models it may not use: when each was refused last, when it was last tried, and which jobs were refused
-- last.
--
-- $1 id text  $2 jobs_max integer (of each model)
-- rows: 0 or 1
-- locks: none
-- index: credentials_pkey, refused_models_pkey
-- not null: models, refused_at, tried_at, jobs
SELECT c.id, c.name, c.stopped_at, c.stop_reason, r.models, r.refused_at, r.tried_at, r.jobs
  FROM credentials c
 CROSS JOIN LATERAL (
   SELECT coalesce(array_agg(m.model ORDER BY m.model), '{}') AS models,
          coalesce(array_agg(m.refused_at ORDER BY m.model), '{}') AS refused_at,
          coalesce(array_agg(greatest(m.refused_at, m.probed_at) ORDER BY m.model), '{}') AS tried_at,
          coalesce(array_agg(array_to_string(m.jobs[greatest(1, cardinality(m.jobs) - $2::integer + 1):], ',') ORDER BY m.model), '{}') AS jobs
     FROM refused_models m WHERE m.credential_id = c.id
 ) r
 WHERE c.id = $1
