-- What each queue, or each tenant, has spent in the last hour; only those above $2 come back. After a person has lifted a pause of the
-- breaker, over the queue or over the tenant, only what was spent since counts, for both. What is spent in a queue that the breaker
-- holds does not count against its tenant: it has stopped already. Scopes that are paused or stopped by themselves are left out.
--
-- $1 scope text (queue or tenant)  $2 above_nano bigint
-- rows: 0..n
-- locks: none
-- index: spend_minutes_pkey, ledger_by_time, flags_open, flags_lifted
-- not null: target, tenant_id, amount_nano
WITH recent AS (
  SELECT tenant_id, queue_id, minute AS at, amount_nano FROM spend_minutes WHERE minute >= now() - interval '1 hour'
  UNION ALL
  SELECT l.tenant_id, l.queue_id, l.created_at, l.amount_nano
    FROM ledger l WHERE l.created_at >= (SELECT folded_until FROM spend_fold) AND l.created_at >= now() - interval '1 hour'
), lifted AS MATERIALIZED (
  SELECT scope, target, max(lifted_at) AS at FROM flags
   WHERE scope IN ('queue', 'tenant') AND kind = 'pause' AND set_by = 'breaker' AND lifted_at >= now() - interval '1 hour'
   GROUP BY scope, target
), held AS MATERIALIZED (
  SELECT kind, scope, target, set_by FROM flags WHERE lifted_at IS NULL AND scope IN ('queue', 'tenant')
), totals AS (
  SELECT CASE WHEN $1::text = 'queue' THEN r.queue_id ELSE r.tenant_id END AS target, sum(r.amount_nano)::bigint AS amount_nano
    FROM recent r
   WHERE NOT EXISTS (SELECT 1 FROM lifted l WHERE l.at > r.at AND l.target = CASE WHEN l.scope = 'queue' THEN r.queue_id ELSE r.tenant_id END)
     AND ($1::text = 'queue' OR NOT EXISTS (SELECT 1 FROM held h WHERE h.scope = 'queue' AND h.target = r.queue_id AND h.set_by = 'breaker'))
   GROUP BY 1
  HAVING sum(r.amount_nano) > $2::bigint
)
SELECT t.target, coalesce(q.tenant_id, t.target) AS tenant_id, t.amount_nano
  FROM totals t LEFT JOIN queues q ON $1::text = 'queue' AND q.id = t.target
 WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.scope = $1::text AND h.target = t.target)
