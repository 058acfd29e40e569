-- Asks for the cancellation of every message batch whose open lines are all in the scope of a stop that cancels, and makes them due
-- at once. One that also has lines of others goes on: its lines in scope are paid for, and the receipt counts them. An intent is
-- left alone: the gate keeps it from being sent, and whoever takes its step sends its lines back.
-- What asked first is remembered; a batch that was to be canceled anyway is not this stop's.
--
-- $1 stop_id text
-- rows: one per message batch that is to be canceled now
-- locks: the message batches changed
-- index: flags_pkey, message_batches_due, attempts_in_batch, bulks_pkey
-- not null: told
WITH stop AS MATERIALIZED (
  SELECT id, scope, target FROM flags WHERE id = $1::text AND kind = 'stop' AND mode = 'abort_and_cancel' AND lifted_at IS NULL
), asked AS (
  UPDATE message_batches b
     SET cancel_requested_at = now(), next_poll_at = least(b.next_poll_at, now()), stop_id = s.id
    FROM stop s
   WHERE b.state IN ('creating', 'created', 'doubtful') AND b.cancel_requested_at IS NULL
     AND (s.scope = 'global' OR (s.scope = 'queue' AND b.queue_id = s.target) OR (s.scope = 'tenant' AND b.tenant_id = s.target)
          OR NOT EXISTS (SELECT 1 FROM attempts a JOIN bulks k ON k.id = a.bulk_id
                          WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch'
                            AND NOT in_scope(s.scope, s.target, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id)))
  RETURNING b.id
)
SELECT a.id, pg_notify('sluice_cancel', 'message-batches')::text AS told FROM asked a
