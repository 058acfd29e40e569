-- Ends attempts, moves their jobs, stores results and writes the ledger: all but the budget windows, in one statement.
-- An open attempt is closed; a presumed one (booked at its worst case when its worker was lost) may be corrected once by its
-- late answer, and so may the line of a void message batch that was found after all (unpaid, its end unknown, its hold kept): it
-- is settled and takes its share out of the kept hold. An attempt that is closed otherwise is left out: somebody else recorded it.
-- A job moves only if this attempt is its current one, or if a late answer arrives while the job has no outcome yet and it
-- brings one. Money is booked either way.
--
-- $1  job_id text[]          $2  attempt_no smallint[]   $3  state text[]          $4  outcome text[]
-- $5  http_status smallint[] $6  error_type text[]       $7  request_id text[]     $8  stop_reason text[]
-- $9  usage text[] (JSON)    $10 cost_nano bigint[]      $11 realtime_nano bigint[]
-- $12 answer_sha256 bytea[]  $13 sent_at timestamptz[]   $14 answered_at timestamptz[]
-- $15 next_state text[]      $16 failure_code text[]     $17 failure_fault text[]  $18 not_before timestamptz[]
-- $19 retry_reason text[]    $20 wait_reason text[]      $21 counts_try boolean[]
-- $22 has_result boolean[]   $23 output text[]           $24 confidence real[]     $25 abstained text[]  $26 reason text[]
-- $27 keeps_hold boolean[]
-- rows: one per attempt that was closed or corrected now
-- locks: attempts and jobs in id order, then holds; never a budget window
-- index: attempts_pkey, jobs_pkey, holds_pkey
-- not null: job_id, no, late, moved, released_nano, spent_nano, overrun_nano
WITH input AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::bigint[], $11::bigint[], $12::bytea[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[],
    $17::text[], $18::timestamptz[], $19::text[], $20::text[], $21::boolean[], $22::boolean[], $23::text[], $24::real[],
    $25::text[], $26::text[], $27::boolean[])
    AS i(job_id, no, state, outcome, http_status, error_type, request_id, stop_reason, usage, cost_nano, realtime_nano,
      answer_sha256, sent_at, answered_at, next_state, failure_code, failure_fault, not_before, retry_reason, wait_reason,
      counts_try, has_result, output, confidence, abstained, reason, keeps_hold)
), prior AS MATERIALIZED (
  SELECT a.job_id, a.no, a.state, a.cost_nano, a.realtime_nano,
         a.state = 'open' OR (a.state = 'unpaid' AND EXISTS (SELECT 1 FROM holds h WHERE h.id = a.hold_id AND h.state = 'open')) AS holds
    FROM attempts a JOIN input i ON a.job_id = i.job_id AND a.no = i.no
   WHERE a.state = 'open' OR (a.state = 'presumed' AND NOT a.late AND i.state IN ('settled', 'unpaid'))
      OR (a.state = 'unpaid' AND a.outcome = 'unknown_end' AND a.lane = 'batch' AND i.state IN ('settled', 'presumed'))
   ORDER BY a.job_id, a.no FOR UPDATE OF a
), prior_jobs AS MATERIALIZED (
  SELECT j.id, j.state, j.attempt_no FROM jobs j WHERE j.id IN (SELECT job_id FROM prior) ORDER BY j.id FOR UPDATE OF j
), verdict AS MATERIALIZED (
  SELECT i.*, p.state <> 'open' AS late, p.state AS prior_state, p.holds AND NOT i.keeps_hold AS releases,
         i.cost_nano - CASE WHEN p.state = 'presumed' THEN coalesce(p.cost_nano, 0) ELSE 0 END AS cost_change,
         i.realtime_nano - CASE WHEN p.state = 'presumed' THEN coalesce(p.realtime_nano, 0) ELSE 0 END AS realtime_change,
         CASE WHEN p.state = 'presumed' THEN -coalesce(p.cost_nano, 0) WHEN i.state = 'presumed' THEN i.cost_nano ELSE 0 END AS presumed_change,
         CASE WHEN p.state <> 'open' THEN i.has_result AND i.next_state = 'succeeded' AND j.state IN ('queued', 'dispatched', 'running')
              ELSE j.attempt_no = i.no AND j.state IN ('dispatched', 'running') END AS moves
    FROM input i JOIN prior p ON p.job_id = i.job_id AND p.no = i.no JOIN prior_jobs j ON j.id = i.job_id
), closed AS (
  UPDATE attempts a
     SET state = v.state, outcome = v.outcome, http_status = v.http_status, error_type = v.error_type,
         request_id = coalesce(v.request_id, a.request_id), stop_reason = v.stop_reason, usage = v.usage::jsonb,
         cost_nano = v.cost_nano, realtime_nano = v.realtime_nano, answer_sha256 = v.answer_sha256,
         sent_at = coalesce(v.sent_at, a.sent_at), answered_at = v.answered_at, recorded_at = clock_timestamp(), late = v.late
    FROM verdict v
   WHERE a.job_id = v.job_id AND a.no = v.no
  RETURNING a.job_id, a.no, a.worst_nano, a.hold_id, a.window_ids, a.price_id
), moved AS (
  UPDATE jobs j
     SET state = CASE WHEN v.moves THEN v.next_state ELSE j.state END,
         finished_at = CASE WHEN v.moves AND v.next_state <> 'queued' THEN clock_timestamp() ELSE j.finished_at END,
         finish_seq = CASE WHEN v.moves AND v.next_state <> 'queued' THEN nextval('job_finish_seq') ELSE j.finish_seq END,
         failure_code = CASE WHEN v.moves THEN v.failure_code ELSE j.failure_code END,
         failure_fault = CASE WHEN v.moves THEN v.failure_fault ELSE j.failure_fault END,
         not_before = CASE WHEN v.moves THEN v.not_before ELSE j.not_before END,
         queued_at = CASE WHEN v.moves AND v.next_state = 'queued' THEN clock_timestamp() ELSE j.queued_at END,
         retry_reason = CASE WHEN v.moves AND v.next_state = 'queued' THEN v.retry_reason ELSE j.retry_reason END,
         wait_reason = CASE WHEN v.moves THEN v.wait_reason ELSE j.wait_reason END,
         lease_until = CASE WHEN v.moves THEN NULL ELSE j.lease_until END,
         process_id = CASE WHEN v.moves THEN NULL ELSE j.process_id END,
         message_batch_id = CASE WHEN v.moves AND v.next_state = 'queued' THEN NULL ELSE j.message_batch_id END,
         attempts_paid = j.attempts_paid + CASE WHEN v.prior_state <> 'presumed' AND v.state IN ('settled', 'presumed') THEN 1 ELSE 0 END,
         tries = j.tries + CASE WHEN v.moves AND v.counts_try THEN 1 ELSE 0 END,
         cost_nano = j.cost_nano + v.cost_change,
         realtime_nano = j.realtime_nano + v.realtime_change,
         presumed_nano = j.presumed_nano + v.presumed_change
    FROM verdict v
   WHERE j.id = v.job_id
  RETURNING j.id, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.prompt_version, j.model, j.lane, j.labels, j.finish_seq
), stored AS (
  INSERT INTO job_results (job_id, tenant_id, output, confidence, abstained, reason, attempt_no)
  SELECT m.id, m.tenant_id, v.output, v.confidence, v.abstained, v.reason, v.no
    FROM moved m JOIN verdict v ON v.job_id = m.id
   WHERE v.moves AND v.has_result
  ON CONFLICT (job_id) DO NOTHING
), booked AS (
  INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, labels,
    hold_id, price_id, amount_nano, realtime_nano, overrun_nano)
  SELECT m.tenant_id, CASE WHEN v.prior_state = 'presumed' THEN 'correction' WHEN v.state = 'presumed' THEN 'presume' ELSE 'settle' END,
         v.job_id, v.no, m.bulk_id, m.queue_id, m.job_type, m.prompt_version, m.model, m.lane, coalesce(m.labels, b.labels),
         c.hold_id, c.price_id, v.cost_change, v.realtime_change, greatest(v.cost_nano - c.worst_nano, 0)
    FROM verdict v JOIN closed c ON c.job_id = v.job_id AND c.no = v.no JOIN moved m ON m.id = v.job_id JOIN bulks b ON b.id = m.bulk_id
   WHERE v.late OR v.state IN ('settled', 'presumed')
), released AS (
  SELECT c.hold_id, sum(c.worst_nano)::bigint AS nano, bool_or(v.state = 'presumed') AS presumed, bool_or(v.state = 'settled') AS settled
    FROM closed c JOIN verdict v ON v.job_id = c.job_id AND v.no = c.no
   WHERE v.releases AND c.hold_id IS NOT NULL
   GROUP BY c.hold_id
), freed AS (
  UPDATE holds h
     SET remaining_nano = h.remaining_nano - r.nano,
         state = CASE WHEN h.remaining_nano > r.nano THEN 'open' WHEN r.presumed THEN 'presumed'
                      WHEN r.settled OR h.amount_nano > r.nano THEN 'settled' ELSE 'released' END,
         closed_at = CASE WHEN h.remaining_nano > r.nano THEN NULL ELSE clock_timestamp() END
    FROM released r
   WHERE h.id = r.hold_id
), freed_parts AS (
  UPDATE hold_parts p
     SET remaining_nano = p.remaining_nano - r.nano
    FROM (SELECT c.hold_id, w.id AS window_id, sum(c.worst_nano)::bigint AS nano
            FROM closed c JOIN verdict v ON v.job_id = c.job_id AND v.no = c.no CROSS JOIN LATERAL unnest(c.window_ids) AS w(id)
           WHERE v.releases AND c.hold_id IS NOT NULL
           GROUP BY c.hold_id, w.id) r
   WHERE p.hold_id = r.hold_id AND p.window_id = r.window_id
)
SELECT v.job_id, v.no, v.late, v.moves AS moved, c.window_ids,
       CASE WHEN v.releases AND c.hold_id IS NOT NULL THEN c.worst_nano ELSE 0 END AS released_nano,
       v.cost_change AS spent_nano, greatest(v.cost_nano - c.worst_nano, 0) AS overrun_nano, m.bulk_id, m.queue_id, m.finish_seq
  FROM verdict v JOIN closed c ON c.job_id = v.job_id AND c.no = v.no JOIN moved m ON m.id = v.job_id
