-- Void message batches whose money is still held: a late one of them might yet be found.
--
-- $1 credential_id text  $2 since timestamptz
-- rows: many
-- locks: none
-- index: message_batches_by_queue
SELECT b.id, b.line_count, b.create_started_at, b.doubtful_since, b.ended_at
  FROM message_batches b
 WHERE b.credential_id = $1 AND b.state = 'void' AND b.create_started_at >= $2
 ORDER BY b.create_started_at
