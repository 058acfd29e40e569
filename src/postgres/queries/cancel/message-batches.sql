-- Asks for the cancellation of those message batches none of whose lines is wanted any more, and makes them due at once.
-- Results that are paid for by then are still fetched.
--
-- $1 id text[]
-- rows: one per message batch that is to be canceled
-- locks: the message batches changed
-- index: message_batches_pkey, jobs_in_batch
UPDATE message_batches b
   SET cancel_requested_at = now(), next_poll_at = least(b.next_poll_at, now())
 WHERE b.id = ANY ($1::text[]) AND b.cancel_requested_at IS NULL AND b.state IN ('intent', 'creating', 'created', 'doubtful')
   AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.message_batch_id = b.id AND j.state IN ('dispatched', 'running'))
RETURNING b.id
