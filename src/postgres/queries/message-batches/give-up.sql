-- Decides that a doubtful message batch is absent: nobody adopts it any more, its lines go back next, its hold gets its end.
--
-- $1 id text  $2 process_id text  $3 hold_until timestamptz
-- rows: 0 or 1
-- locks: the row, then its hold
-- index: message_batches_pkey, holds_pkey
WITH decided AS (
  UPDATE message_batches SET error_code = 'absent' WHERE id = $1 AND process_id = $2 AND state = 'doubtful' AND error_code IS NULL
  RETURNING hold_id
)
UPDATE holds h SET expires_at = $3 FROM decided d WHERE h.id = d.hold_id AND h.state = 'open'
RETURNING h.id
