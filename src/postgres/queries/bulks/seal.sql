-- Ends an upload: the counts of the bulk, and word to the dispatcher and the collector, sent with the commit.
--
-- $1 id text  $2 accepted integer  $3 invalid integer  $4 deadline_sweep_at timestamptz | null  $5 worst_nano bigint
-- $6 approval text | null (waiting: nothing of it starts before another person has confirmed)
-- $7 attempts_left bigint | null  $8 tokens_left bigint | null (beyond one attempt of every line; null: no such cap)
-- rows: 1
-- locks: the bulk's row
-- index: bulks_pkey
WITH sealed AS (
  UPDATE bulks
     SET accepted = $2::integer, invalid = $3::integer, deadline_sweep_at = $4::timestamptz, worst_nano = $5::bigint, approval = $6::text,
         attempts_left = $7::bigint, tokens_left = $8::bigint
   WHERE id = $1::text
  RETURNING queue_id
)
SELECT pg_notify('sluice_work', queue_id) FROM sealed
