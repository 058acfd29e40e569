-- Takes alerts that have not been announced yet, the oldest first. Without a webhook the log line is all that leaves, and they are
-- done. Run in a transaction that commits after the lines were written: dying in between writes them again.
--
-- $1 has_webhook boolean  $2 rows_max integer
-- rows: 0..$2
-- locks: those alerts, skipping those of another sender, until the end of the transaction
-- index: alerts_unannounced
WITH taken AS MATERIALIZED (
  SELECT id FROM alerts WHERE announced_at IS NULL ORDER BY id LIMIT $2::integer FOR UPDATE SKIP LOCKED
)
UPDATE alerts a SET announced_at = now(), state = CASE WHEN $1::boolean THEN a.state ELSE 'logged' END
  FROM taken t
 WHERE a.id = t.id
RETURNING a.id, a.kind, a.tenant_id, a.tenant_name, a.scope, a.target, a.target_name, a.owner, a.reason, a.percent, a.limit_nano, a.spent_nano, a.held_nano,
       a.window_starts_at, a.window_ends_at, a.raised_at, a.state, a.tries, a.last_error, a.delivered_at
