-- Books attempts at another price: the attempt, its job and a correction entry, all but the budget windows. Guarded by the cost it
-- was decided on: an attempt that somebody else has corrected meanwhile is left out, so that the same correction is never booked
-- twice. One that was booked at its worst case, because its usage had no known price, is settled by it. The dimensions of the entry are those of the
-- attempt's first one, which outlives its bulk.
--
-- $1 job_id text[]  $2 attempt_no smallint[]  $3 prior_nano bigint[]  $4 cost_nano bigint[]  $5 realtime_nano bigint[]  $6 price_id text[]
-- rows: one per attempt that was corrected now
-- locks: attempts, then jobs, in id order; never a budget window
-- index: attempts_pkey, jobs_pkey, ledger_once_per_attempt
-- not null: job_id, no, window_ids, change_nano, overrun_nano
WITH input AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
    AS i(job_id, no, prior_nano, cost_nano, realtime_nano, price_id)
), prior AS MATERIALIZED (
  SELECT i.*, a.state, a.realtime_nano AS prior_realtime_nano, a.worst_nano, a.window_ids
    FROM input i JOIN attempts a ON a.job_id = i.job_id AND a.no = i.no
   WHERE a.state IN ('settled', 'presumed') AND a.cost_nano = i.prior_nano
   ORDER BY a.job_id, a.no FOR UPDATE OF a
), change AS MATERIALIZED (
  SELECT p.*, p.cost_nano - p.prior_nano AS change_nano, p.realtime_nano - coalesce(p.prior_realtime_nano, 0) AS realtime_change_nano,
         CASE WHEN p.state = 'presumed' THEN p.prior_nano ELSE 0 END AS presumed_nano,
         greatest(p.cost_nano - p.worst_nano, 0) - greatest(p.prior_nano - p.worst_nano, 0) AS overrun_nano
    FROM prior p
), owners AS MATERIALIZED (
  SELECT j.id FROM jobs j WHERE j.id IN (SELECT job_id FROM change) ORDER BY j.id FOR UPDATE
), repriced AS (
  UPDATE attempts a SET state = 'settled', cost_nano = c.cost_nano, realtime_nano = c.realtime_nano, price_id = c.price_id
    FROM change c WHERE a.job_id = c.job_id AND a.no = c.no
), moved AS (
  UPDATE jobs j SET cost_nano = j.cost_nano + s.change_nano, realtime_nano = j.realtime_nano + s.realtime_change_nano,
                    presumed_nano = j.presumed_nano - s.presumed_nano
    FROM (SELECT c.job_id, sum(c.change_nano)::bigint AS change_nano, sum(c.realtime_change_nano)::bigint AS realtime_change_nano,
                 sum(c.presumed_nano)::bigint AS presumed_nano
            FROM change c JOIN owners o ON o.id = c.job_id GROUP BY c.job_id) s
   WHERE j.id = s.job_id
), booked AS (
  INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, labels,
    hold_id, price_id, amount_nano, realtime_nano, overrun_nano)
  SELECT l.tenant_id, 'correction', c.job_id, c.no, l.bulk_id, l.queue_id, l.job_type, l.prompt_version, l.model, l.lane, l.labels,
         l.hold_id, c.price_id, c.change_nano, c.realtime_change_nano, c.overrun_nano
    FROM change c JOIN ledger l ON l.job_id = c.job_id AND l.attempt_no = c.no AND l.kind IN ('settle', 'presume')
)
SELECT c.job_id, c.no, c.window_ids, c.change_nano, c.overrun_nano FROM change c
