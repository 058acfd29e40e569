-- How long the answers of a type were that were booked in a span of time, by prompt version and model. Refusals and calls whose end is
-- unknown say nothing of it.
--
-- $1 job_type text  $2 since timestamptz  $3 until timestamptz
-- rows: one per length
-- locks: none
-- index: ledger_by_time, attempts_pkey, jobs_pkey
-- not null: tokens, truncated, sized, answers
SELECT l.prompt_version, l.model, (a.usage ->> 'output_tokens')::integer AS tokens, a.stop_reason IS NOT DISTINCT FROM 'max_tokens' AS truncated,
       coalesce(a.output_tokens_max < j.output_tokens_max, false) AS sized, count(*)::integer AS answers
  FROM ledger l
  JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no
  JOIN jobs j ON j.id = l.job_id
 WHERE l.created_at >= $2::timestamptz AND l.created_at < $3::timestamptz AND l.kind = 'settle' AND l.job_type = $1::text
   AND a.state = 'settled' AND a.outcome IN ('succeeded', 'truncated', 'invalid_output')
 GROUP BY 1, 2, 3, 4, 5
