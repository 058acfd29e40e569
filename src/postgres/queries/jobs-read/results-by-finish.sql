-- Finished jobs of a bulk within a range of finish numbers, in their order. Both ends are given, so that no plan can read more. A number may become visible after a higher one
-- (its transaction commits later): http/results/finish-order.ts says how none is missed.
--
-- $1 bulk_id text  $2 after_seq bigint  $3 to_seq bigint (included)  $4 rows_max integer
-- rows: 0..$4
-- locks: none
-- index: jobs_finished, job_results_pkey, job_turns_pkey
-- not null: line, id, state, finish_seq, cost_nano, attempts_paid
SELECT j.line, j.finish_seq, j.key, j.id, j.state, coalesce(r.output, t.output) AS output, r.confidence, r.abstained, r.decided_by,
       CASE WHEN t.output IS NULL THEN r.reason ELSE coalesce(r.reason, 'pause_turn') END AS reason, j.failure_code, j.failure_fault,
       j.cost_nano, j.attempts_paid
  FROM (SELECT * FROM jobs
         WHERE bulk_id = $1::text AND finish_seq IS NOT NULL AND finish_seq > $2::bigint AND finish_seq <= $3::bigint
         ORDER BY finish_seq LIMIT $4::integer) j
  LEFT JOIN job_results r ON r.job_id = j.id
 CROSS JOIN LATERAL (SELECT output_of_turns(j.id, j.state, j.continuations) AS output) t
 ORDER BY j.finish_seq
