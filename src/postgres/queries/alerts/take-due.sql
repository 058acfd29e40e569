-- Takes alerts whose next try is due, for one try of each. Their next one is put off in the same statement, to after the time this one
-- may take: a sender that dies between sending and marking leaves them due again by themselves, under the same id.
--
-- $1 put_off_ms integer  $2 rows_max integer
-- rows: 0..$2
-- locks: those alerts, skipping those of another sender
-- index: alerts_undelivered
WITH due AS MATERIALIZED (
  SELECT id FROM alerts
   WHERE state = 'pending' AND announced_at IS NOT NULL AND next_try_at <= now()
   ORDER BY next_try_at LIMIT $2::integer FOR UPDATE SKIP LOCKED
)
UPDATE alerts a SET tries = a.tries + 1, next_try_at = now() + $1::integer * interval '1 ms'
  FROM due d
 WHERE a.id = d.id
RETURNING a.id, a.kind, a.tenant_id, a.tenant_name, a.scope, a.target, a.target_name, a.owner, a.reason, a.percent, a.limit_nano, a.spent_nano, a.held_nano,
       a.window_starts_at, a.window_ends_at, a.raised_at, a.state, a.tries, a.last_error, a.delivered_at
