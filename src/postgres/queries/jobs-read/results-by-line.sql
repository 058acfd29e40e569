-- Finished jobs of a bulk within a range of lines, in their order. Both ends are given, so that no plan can read more than that.
--
-- $1 bulk_id text  $2 outcome text[]  $3 after_line integer  $4 to_line integer (included)  $5 rows_max integer
-- rows: 0..$5
-- locks: none
-- index: jobs_by_line, job_results_pkey, job_turns_pkey
-- not null: line, id, state, finish_seq, cost_nano, attempts_paid
SELECT j.line, j.finish_seq, j.key, j.id, j.state, coalesce(r.output, t.output) AS output, r.confidence, r.abstained, r.decided_by,
       CASE WHEN t.output IS NULL THEN r.reason ELSE coalesce(r.reason, 'pause_turn') END AS reason, j.failure_code, j.failure_fault,
       j.cost_nano, j.attempts_paid
  FROM (SELECT * FROM jobs
         WHERE bulk_id = $1::text AND line > $3::integer AND line <= $4::integer AND state = ANY ($2::text[])
         ORDER BY line LIMIT $5::integer) j
  LEFT JOIN job_results r ON r.job_id = j.id
 CROSS JOIN LATERAL (SELECT output_of_turns(j.id, j.state, j.continuations) AS output) t
 ORDER BY j.line
