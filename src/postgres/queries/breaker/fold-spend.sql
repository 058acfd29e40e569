-- Adds what is old enough of the ledger to the sums by minute and hour, an hour of it at most, and forgets the sums that have served.
--
-- $1 lag_ms integer (a transaction that writes the ledger takes no longer)
-- rows: 1
-- locks: spend_fold, so that one folds at a time; then the sums
-- index: ledger_by_time, spend_minutes_pkey, spend_hours_pkey
-- not null: is_behind
WITH span AS MATERIALIZED (
  SELECT folded_until AS since, least(date_trunc('minute', now() - $1::integer * interval '1 ms'), folded_until + interval '1 hour') AS until
    FROM spend_fold WHERE only_row FOR UPDATE
), summed AS MATERIALIZED (
  SELECT date_trunc('minute', l.created_at) AS minute, l.tenant_id, l.queue_id, sum(l.amount_nano)::bigint AS amount_nano
    FROM span s JOIN ledger l ON l.created_at >= s.since AND l.created_at < s.until
   GROUP BY 1, 2, 3
), minutes AS (
  INSERT INTO spend_minutes (minute, tenant_id, queue_id, amount_nano)
  SELECT minute, tenant_id, queue_id, amount_nano FROM summed WHERE minute > now() - interval '2 hours'
  ON CONFLICT (minute, tenant_id, queue_id) DO NOTHING
), hours AS (
  INSERT INTO spend_hours AS h (hour, tenant_id, queue_id, amount_nano)
  SELECT date_trunc('hour', minute, 'UTC'), tenant_id, queue_id, sum(amount_nano)::bigint FROM summed GROUP BY 1, 2, 3
  ON CONFLICT (hour, tenant_id, queue_id) DO UPDATE SET amount_nano = h.amount_nano + excluded.amount_nano
), old_minutes AS (
  DELETE FROM spend_minutes WHERE minute < now() - interval '2 hours'
), old_hours AS (
  DELETE FROM spend_hours WHERE hour < now() - interval '8 days'
), moved AS (
  UPDATE spend_fold SET folded_until = span.until FROM span WHERE span.until > span.since
)
SELECT greatest(until, since) < now() - $1::integer * interval '1 ms' - interval '2 minutes' AS is_behind FROM span
