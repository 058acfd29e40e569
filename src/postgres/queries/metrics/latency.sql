-- How long the provider took for the attempts booked last, by lane; and how many of them there were.
--
-- $1 entries_max integer
-- rows: one per lane
-- locks: none
-- index: ledger_pkey, attempts_pkey
-- not null: lane, attempts
SELECT a.lane, count(*) AS attempts,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.answered_at - a.sent_at)::double precision) AS p50_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM a.answered_at - a.sent_at)::double precision) AS p95_s
  FROM (SELECT job_id, attempt_no FROM ledger ORDER BY id DESC LIMIT $1::integer) l
  JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no
 WHERE a.answered_at IS NOT NULL AND a.sent_at IS NOT NULL
 GROUP BY a.lane
