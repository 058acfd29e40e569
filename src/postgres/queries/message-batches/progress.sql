-- How far a message batch has come, for display.
--
-- $1 id text
-- rows: 0 or 1
-- locks: none
-- index: message_batches_pkey
SELECT state, line_count, count_processing, count_succeeded, count_errored, count_canceled, count_expired, ingested_lines
  FROM message_batches WHERE id = $1
