-- The attempts of a job: what was tried, how it ended, what it cost. No content.
--
-- $1 job_id text
-- rows: many
-- locks: none
-- index: attempts_pkey
SELECT no, lane, state, outcome, http_status, error_type, request_id, stop_reason, worst_nano, cost_nano, late, claimed_at, sent_at,
       answered_at, recorded_at, message_batch_id
  FROM attempts WHERE job_id = $1::text ORDER BY no
