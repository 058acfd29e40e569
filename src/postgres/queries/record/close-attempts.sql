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
--
-- Everything a later step needs travels along in `verdict`, so that each step is one look-up by key a row: joins between the steps
-- would compare every line of a chunk with every other.
--
-- rows: one per attempt that was closed or corrected now
-- locks: attempts and jobs in id order, then count_trust by model where a counted job settles, then holds; never a budget window
-- index: attempts_pkey, jobs_pkey, count_trust_pkey, holds_pkey
-- not null: job_id, no, late, moved, window_ids, released_nano, spent_nano, overrun_nano
WITH input AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::bigint[], $11::bigint[], $12::bytea[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[],
    $17::text[], $18::timestamptz[], $19::text[], $20::text[], $21::boolean[], $22::boolean[], $23::text[], $24::real[],
    $25::text[], $26::text[], $27::boolean[])
    AS i(job_id, no, state, outcome, http_status, error_type, request_id, stop_reason, usage, cost_nano, realtime_nano,
      answer_sha256, sent_at, answered_at, next_state, failure_code, failure_fault, not_before, retry_reason, wait_reason,
      counts_try, has_result, output, confidence, abstained, reason, keeps_hold)
), prior AS MATERIALIZED (
  SELECT i.*, a.state AS prior_state, a.cost_nano AS prior_cost_nano, a.realtime_nano AS prior_realtime_nano,
         a.worst_nano, a.hold_id, a.window_ids, a.price_id,
         a.state = 'open' OR (a.state = 'unpaid' AND EXISTS (SELECT 1 FROM holds h WHERE h.id = a.hold_id AND h.state = 'open')) AS holds
    FROM input i JOIN attempts a ON a.job_id = i.job_id AND a.no = i.no
   WHERE a.state = 'open' OR (a.state = 'presumed' AND NOT a.late AND i.state IN ('settled', 'unpaid'))
      OR (a.state = 'unpaid' AND a.outcome = 'unknown_end' AND a.lane = 'batch' AND i.state IN ('settled', 'presumed'))
   ORDER BY a.job_id, a.no FOR UPDATE OF a
), verdict AS MATERIALIZED (
  SELECT p.*, p.prior_state <> 'open' AS late, p.holds AND NOT p.keeps_hold AND p.hold_id IS NOT NULL AS releases,
         p.cost_nano - CASE WHEN p.prior_state = 'presumed' THEN coalesce(p.prior_cost_nano, 0) ELSE 0 END AS cost_change,
         p.realtime_nano - CASE WHEN p.prior_state = 'presumed' THEN coalesce(p.prior_realtime_nano, 0) ELSE 0 END AS realtime_change,
         CASE WHEN p.prior_state = 'presumed' THEN -coalesce(p.prior_cost_nano, 0) WHEN p.state = 'presumed' THEN p.cost_nano ELSE 0 END AS presumed_change,
         CASE WHEN p.prior_state <> 'open' THEN p.has_result AND p.next_state = 'succeeded' AND j.state IN ('queued', 'dispatched', 'running')
              ELSE j.attempt_no = p.no AND j.state IN ('dispatched', 'running') END AS moves,
         j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.prompt_version, j.model, j.lane, j.labels,
         j.input_tokens_counted AS counted
    FROM prior p JOIN jobs j ON j.id = p.job_id
   ORDER BY j.id FOR UPDATE OF j
), closed AS (
  UPDATE attempts a
     SET state = v.state, outcome = v.outcome, http_status = v.http_status, error_type = v.error_type,
         request_id = coalesce(v.request_id, a.request_id), stop_reason = v.stop_reason, usage = v.usage::jsonb,
         cost_nano = v.cost_nano, realtime_nano = v.realtime_nano, answer_sha256 = v.answer_sha256,
         sent_at = coalesce(v.sent_at, a.sent_at), answered_at = v.answered_at, recorded_at = clock_timestamp(), late = v.late
    FROM verdict v
   WHERE a.job_id = v.job_id AND a.no = v.no
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
         -- One that was presumed and turns out never to have been sent does not count after all.
         attempts_paid = j.attempts_paid + CASE WHEN v.prior_state = 'presumed' AND v.state = 'unpaid' THEN -1
                                                WHEN v.prior_state <> 'presumed' AND v.state IN ('settled', 'presumed') THEN 1 ELSE 0 END,
         full_cap = j.full_cap OR (v.moves AND v.next_state = 'queued' AND v.retry_reason = 'cut_by_cap'),
         tries = j.tries + CASE WHEN v.moves AND v.counts_try THEN 1 ELSE 0 END,
         cost_nano = j.cost_nano + v.cost_change,
         realtime_nano = j.realtime_nano + v.realtime_change,
         presumed_nano = j.presumed_nano + v.presumed_change
    FROM verdict v
   WHERE j.id = v.job_id
), stored AS (
  INSERT INTO job_results (job_id, tenant_id, output, confidence, abstained, reason, attempt_no)
  SELECT v.job_id, v.tenant_id, v.output, v.confidence, v.abstained, v.reason, v.no FROM verdict v WHERE v.moves AND v.has_result
  ON CONFLICT (job_id) DO NOTHING
), booked AS (
  INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, labels,
    hold_id, price_id, amount_nano, realtime_nano, overrun_nano)
  SELECT v.tenant_id, CASE WHEN v.prior_state = 'presumed' THEN 'correction' WHEN v.state = 'presumed' THEN 'presume' ELSE 'settle' END,
         v.job_id, v.no, v.bulk_id, v.queue_id, v.job_type, v.prompt_version, v.model, v.lane, coalesce(v.labels, b.labels),
         v.hold_id, v.price_id, v.cost_change, v.realtime_change, greatest(v.cost_nano - v.worst_nano, 0)
    FROM verdict v JOIN bulks b ON b.id = v.bulk_id
   WHERE v.late OR v.state IN ('settled', 'presumed')
), compared AS MATERIALIZED (
  SELECT v.model, count(*) AS samples, max(margin_needed_bp(v.counted, prompt_tokens(v.usage::jsonb))) AS worst_bp
    FROM verdict v WHERE v.counted > 0 AND v.state = 'settled' GROUP BY v.model
), counting AS MATERIALIZED (
  SELECT t.model FROM count_trust t JOIN compared c ON c.model = t.model ORDER BY t.model FOR UPDATE OF t
), judged AS (
  UPDATE count_trust t
     SET samples = t.samples + c.samples, worst_bp = greatest(t.worst_bp, c.worst_bp),
         off_at = CASE WHEN t.off_at IS NULL AND c.worst_bp > t.margin_bp THEN clock_timestamp() ELSE t.off_at END,
         off_reason = CASE WHEN t.off_at IS NULL AND c.worst_bp > t.margin_bp
                           THEN format('a bill was %s %% above its count, the margin is %s %%', round(c.worst_bp / 100.0, 2), round(t.margin_bp / 100.0, 2))
                           ELSE t.off_reason END
    FROM compared c JOIN counting l ON l.model = c.model
   WHERE t.model = c.model
), freed AS (
  UPDATE holds h
     SET remaining_nano = h.remaining_nano - r.nano,
         state = CASE WHEN h.remaining_nano > r.nano THEN 'open' WHEN r.presumed THEN 'presumed'
                      WHEN r.settled OR h.amount_nano > r.nano THEN 'settled' ELSE 'released' END,
         closed_at = CASE WHEN h.remaining_nano > r.nano THEN NULL ELSE clock_timestamp() END
    FROM (SELECT v.hold_id, sum(v.worst_nano)::bigint AS nano, bool_or(v.state = 'presumed') AS presumed, bool_or(v.state = 'settled') AS settled
            FROM verdict v WHERE v.releases GROUP BY v.hold_id) r
   WHERE h.id = r.hold_id
), freed_parts AS (
  UPDATE hold_parts p
     SET remaining_nano = p.remaining_nano - r.nano
    FROM (SELECT v.hold_id, w.id AS window_id, sum(v.worst_nano)::bigint AS nano
            FROM verdict v CROSS JOIN LATERAL unnest(v.window_ids) AS w(id) WHERE v.releases GROUP BY v.hold_id, w.id) r
   WHERE p.hold_id = r.hold_id AND p.window_id = r.window_id
)
SELECT v.job_id, v.no, v.late, v.moves AS moved, v.window_ids, CASE WHEN v.releases THEN v.worst_nano ELSE 0 END AS released_nano,
       v.cost_change AS spent_nano, greatest(v.cost_nano - v.worst_nano, 0) AS overrun_nano
  FROM verdict v
