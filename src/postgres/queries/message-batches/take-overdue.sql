-- Message batches whose wake-up was lost, each with the number of a new one. A creation whose lease has ended is among them.
--
-- $1 overdue_at timestamptz  $2 now timestamptz  $3 rows_max integer
-- rows: many
-- locks: the rows changed, skipping those in hand
-- index: message_batches_due
UPDATE message_batches
   SET wake_no = wake_no + 1, next_poll_at = $2
 WHERE id IN (SELECT id FROM message_batches
               WHERE state NOT IN ('ingested', 'refused', 'void') AND next_poll_at <= $1 AND (lease_until IS NULL OR lease_until <= $2)
               ORDER BY next_poll_at LIMIT $3::integer FOR UPDATE SKIP LOCKED)
RETURNING id, state, wake_no
