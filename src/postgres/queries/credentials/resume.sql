-- A call that was sent at $2 has succeeded: the stop of its credential is lifted if it is older, and so is what holds its models back.
-- Refusals of other models that are older are proved to be those models' alone. What a model refused that now answers is suspected.
--
-- The update asks for what the steps before it have done, because a step that nobody asks for runs last: the credential would be locked
-- before its models, against the order of refuse-model.
--
-- $1 id text  $2 sent_at timestamptz  $3 models text[]
-- rows: none
-- locks: refused_models by model, then suspect_jobs by job, then credentials
-- index: credentials_pkey, refused_models_pkey, suspect_jobs_pkey
WITH older AS MATERIALIZED (
  SELECT m.model, m.model = ANY ($3::text[]) AS answered FROM refused_models m
   WHERE m.credential_id = $1::text
     AND CASE WHEN m.model = ANY ($3::text[]) THEN m.refused_at < $2::timestamptz ELSE m.since < $2::timestamptz AND NOT m.proved END
   ORDER BY m.model FOR UPDATE
), allowed AS (
  DELETE FROM refused_models m USING older o
   WHERE m.credential_id = $1::text AND m.model = o.model AND o.answered
  RETURNING m.model, m.jobs
), suspected AS (
  INSERT INTO suspect_jobs AS s (job_id, times, at)
  SELECT j.id, 1, $2::timestamptz FROM allowed a CROSS JOIN LATERAL unnest(a.jobs) AS j(id) ORDER BY j.id
  ON CONFLICT (job_id) DO UPDATE SET times = s.times + 1, at = excluded.at
  RETURNING s.job_id
), proved AS (
  UPDATE refused_models m SET proved = true FROM older o
   WHERE m.credential_id = $1::text AND m.model = o.model AND NOT o.answered
  RETURNING m.model
)
UPDATE credentials SET stopped_at = NULL, stop_reason = NULL
 WHERE id = $1::text AND stopped_at < $2::timestamptz
   AND (SELECT count(*) FROM suspected) + (SELECT count(*) FROM proved) >= 0
