-- Holds a model back that the provider refuses to a credential. Two models that were first refused within a short time, with nothing
-- answered since, mean the credential: it is stopped. One that is stopped already counts its next probe from now. What was refused inside
-- of something that the provider had accepted is proved to be the model's alone, and says nothing of the credential. So does a model
-- that is proved to be refused: but when it is refused once more, while another has been for a good while and nothing was answered since,
-- no model in use is answered any more, and that is the credential, too.
--
-- $1 credential_id text  $2 model text  $3 now timestamptz  $4 together_ms integer  $5 stop_reason text  $6 proved boolean
-- $7 job_id text[] (refused now)  $8 jobs_max integer (remembered)
-- rows: 0 or 1; one if the whole credential is stopped
-- locks: refused_models, then credentials
-- index: refused_models_pkey, credentials_pkey
WITH held AS (
  INSERT INTO refused_models AS m (credential_id, model, since, refused_at, proved, jobs)
  VALUES ($1::text, $2::text, $3::timestamptz, $3::timestamptz, $6::boolean, $7::text[])
  ON CONFLICT (credential_id, model) DO UPDATE
     SET refused_at = greatest(m.refused_at, excluded.refused_at), proved = m.proved OR excluded.proved,
         jobs = ARRAY(SELECT k.job FROM (SELECT u.job, max(u.n) AS n FROM unnest(m.jobs || excluded.jobs) WITH ORDINALITY AS u(job, n)
                                          GROUP BY u.job ORDER BY n DESC LIMIT $8::integer) k ORDER BY k.n)
  RETURNING m.since, m.proved
)
UPDATE credentials c SET stopped_at = $3::timestamptz, stop_reason = coalesce(c.stop_reason, $5::text)
  FROM held h
 WHERE c.id = $1::text AND NOT $6::boolean
   AND (c.stopped_at IS NOT NULL
        OR EXISTS (SELECT 1 FROM refused_models o
                    WHERE o.credential_id = $1::text AND o.model <> $2::text AND NOT o.proved
                      AND CASE WHEN h.proved THEN o.refused_at >= o.since + $4::integer * interval '1 millisecond'
                               ELSE o.since BETWEEN h.since - $4::integer * interval '1 millisecond'
                                                AND h.since + $4::integer * interval '1 millisecond' END))
RETURNING c.id
