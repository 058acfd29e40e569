-- What some result lines are settled with: their attempts in this batch, their jobs, and the inputs of those that are small.
--
-- $1 message_batch_id text  $2 job_id text[]  $3 input_bytes_max integer
-- rows: one per line that is ours
-- locks: none
-- index: attempts_pkey, jobs_pkey, job_inputs_pkey, job_turns_pkey
-- not null: continues_open, job_id, no, state, worst_nano, price_id, bulk_id, job_type, model, prompt_version, request_bytes, tries, is_capped
SELECT a.job_id, a.no, a.state, a.worst_nano, a.price_id, j.bulk_id, j.job_type, j.model, j.prompt_version, j.request_bytes, j.tries,
       j.cancel_requested_at, coalesce(a.output_tokens_max < j.output_tokens_max, false) AS is_capped, i.input,
       -- After a restore a line may be found beside the one it continues, and without that one's turn it is half an answer.
       a.no > 1 AND EXISTS (SELECT 1 FROM attempts e WHERE e.job_id = a.job_id AND e.no < a.no AND e.state = 'open' AND e.lane = 'batch') AS continues_open,
       CASE WHEN j.continuations > 0 THEN
         ARRAY(SELECT t.turn FROM job_turns t WHERE t.job_id = a.job_id AND t.attempt_no < a.no ORDER BY t.attempt_no) END AS turns
  FROM unnest($2::text[]) AS line(job_id)
  JOIN attempts a ON a.job_id = line.job_id AND a.message_batch_id = $1::text
  JOIN jobs j ON j.id = a.job_id
  LEFT JOIN job_inputs i ON i.job_id = j.id AND j.request_bytes <= $3::integer
