-- A page of attempts in the order of their key, with the usage of those whose price is in question. The page is cut by the key
-- alone, so that a narrow question about a large table still makes short statements.
--
-- $1 after_job_id text  $2 after_no smallint  $3 since timestamptz  $4 until timestamptz (not included)  $5 model text | null (any)
-- $6 rows_max integer
-- rows: many; one per attempt of the page
-- locks: none
-- index: attempts_pkey
-- not null: job_id, no, in_question
SELECT a.job_id, a.no, a.lane, a.model, a.price_id, a.price_at, a.worst_nano, a.cost_nano, a.realtime_nano,
       q.in_question, CASE WHEN q.in_question THEN a.usage END AS usage
  FROM (SELECT * FROM attempts p WHERE (p.job_id, p.no) > ($1::text, $2::smallint) ORDER BY p.job_id, p.no LIMIT $6::integer) a
 CROSS JOIN LATERAL (
    SELECT a.state IN ('settled', 'presumed') AND a.usage IS NOT NULL AND a.price_at >= $3::timestamptz AND a.price_at < $4::timestamptz
       AND ($5::text IS NULL OR a.model = $5::text) AS in_question
  ) q
 ORDER BY a.job_id, a.no
