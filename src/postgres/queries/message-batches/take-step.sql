-- Takes a message batch for one step: the lease keeps every other process and wake-up away.
--
-- $1 id text  $2 process_id text  $3 lease_until timestamptz  $4 now timestamptz
-- rows: 0 or 1; none while somebody else is at it, or when there is nothing more to do with it
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET process_id = $2, lease_until = $3
 WHERE id = $1 AND state IN ('intent', 'created', 'ended', 'doubtful') AND (lease_until IS NULL OR lease_until <= $4)
RETURNING *
