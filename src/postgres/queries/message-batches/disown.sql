-- The results show that an adopted batch is somebody else's: it is never looked at again, and ours is as unknown as before.
--
-- $1 id text  $2 process_id text  $3 to_state text (doubtful or void)  $4 now timestamptz
-- rows: 0 or 1
-- locks: the row; fails on message_batches_open_count while another batch in doubt has the same number of lines
-- index: message_batches_pkey
WITH mistaken AS (
  SELECT id, credential_id, provider_id FROM message_batches
   WHERE id = $1 AND process_id = $2 AND state IN ('created', 'ended') AND adopted FOR UPDATE
), noted AS (
  INSERT INTO foreign_batches (credential_id, provider_id, seen_at) SELECT credential_id, provider_id, $4 FROM mistaken
  ON CONFLICT DO NOTHING
)
UPDATE message_batches b
   SET state = $3, provider_id = NULL, adopted = false, unproved = false, processing_status = NULL, next_poll_at = CASE WHEN $3 = 'void' THEN NULL ELSE $4 END,
       lease_until = NULL, count_processing = 0, count_succeeded = 0, count_errored = 0, count_canceled = 0, count_expired = 0,
       ingested_lines = 0, ended_at = NULL, error_code = CASE WHEN $3 = 'void' THEN 'absent' END
  FROM mistaken m
 WHERE b.id = m.id
RETURNING b.id
