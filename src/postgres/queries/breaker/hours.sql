-- What some queues, or tenants, spent in each hour with spend of the last seven days, the last two left out: they are what is judged.
--
-- $1 scope text (queue or tenant)  $2 target text[]
-- rows: one per target and hour
-- locks: none
-- index: spend_hours_pkey
-- not null: target, amount_nano
SELECT CASE WHEN $1::text = 'queue' THEN queue_id ELSE tenant_id END AS target, sum(amount_nano)::bigint AS amount_nano
  FROM spend_hours
 WHERE hour >= now() - interval '7 days' AND hour <= now() - interval '2 hours'
   AND CASE WHEN $1::text = 'queue' THEN queue_id ELSE tenant_id END = ANY ($2::text[])
 GROUP BY 1, hour
HAVING sum(amount_nano) > 0
