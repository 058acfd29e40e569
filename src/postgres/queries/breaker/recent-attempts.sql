-- How the paid attempts of the last hour ended, by queue or by tenant, over the $2 that were booked last; only scopes with at least $3
-- of them come back. Failed is whatever the model did not answer well; retried whatever was not the first attempt of its job and does not
-- come again for one of the reasons given: what was held back is no retry (domain/breaker.ts). Calls that a stop or a cancel aborted count as
-- neither: a person did that. Answers that an effective cap has cut, and the second turns they get, are left to right-sizing, which looks
-- after itself.
-- Lifted and held scopes as in breaker/recent-spend.
--
-- $1 scope text (queue or tenant)  $2 entries_max integer  $3 attempts_min integer  $4 good_outcomes text[]
-- $5 held_back_reasons text[]
-- rows: 0..n
-- locks: none
-- index: ledger_pkey, attempts_pkey, jobs_pkey, flags_open, flags_lifted
-- not null: target, tenant_id, attempts, failed, retried
WITH last AS (
  SELECT tenant_id, queue_id, job_id, attempt_no, kind, created_at FROM ledger ORDER BY id DESC LIMIT $2::integer
), lifted AS MATERIALIZED (
  SELECT scope, target, max(lifted_at) AS at FROM flags
   WHERE scope IN ('queue', 'tenant') AND kind = 'pause' AND set_by = 'breaker' AND lifted_at >= now() - interval '1 hour'
   GROUP BY scope, target
), held AS MATERIALIZED (
  SELECT scope, target, set_by FROM flags WHERE lifted_at IS NULL AND scope IN ('queue', 'tenant')
), counted AS (
  SELECT CASE WHEN $1::text = 'queue' THEN e.queue_id ELSE e.tenant_id END AS target, count(*) AS attempts,
         count(*) FILTER (WHERE a.outcome <> ALL ($4::text[])) AS failed, count(*) FILTER (WHERE e.attempt_no > 1 AND coalesce(a.retry_reason, '') <> ALL ($5::text[])) AS retried
    FROM last e JOIN attempts a ON a.job_id = e.job_id AND a.no = e.attempt_no JOIN jobs j ON j.id = e.job_id
   WHERE e.kind <> 'correction' AND e.created_at >= now() - interval '1 hour' AND a.outcome IS DISTINCT FROM 'aborted'
     AND NOT (a.outcome = 'truncated' AND j.full_cap AND coalesce(a.output_tokens_max < j.output_tokens_max, false))
     AND NOT EXISTS (SELECT 1 FROM lifted l
                      WHERE l.at > e.created_at AND l.target = CASE WHEN l.scope = 'queue' THEN e.queue_id ELSE e.tenant_id END)
     AND ($1::text = 'queue' OR NOT EXISTS (SELECT 1 FROM held h WHERE h.scope = 'queue' AND h.target = e.queue_id AND h.set_by = 'breaker'))
   GROUP BY 1
  HAVING count(*) >= $3::integer
)
SELECT c.target, coalesce(q.tenant_id, c.target) AS tenant_id, c.attempts, c.failed, c.retried
  FROM counted c LEFT JOIN queues q ON $1::text = 'queue' AND q.id = c.target
 WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.scope = $1::text AND h.target = c.target)
