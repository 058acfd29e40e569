-- Locks everything that the ends of a transaction move, in the one order all ends take, and reads what the caps of those jobs are held
-- against that are to have another attempt behind a paid one. An attempt that somebody else has closed is not in the answer: its job
-- does not move. Nor does the job of an open attempt that is not its current one, but that one is in the answer: it was overtaken in a
-- past that a restore took away, and what continues it runs already (found again with its message batch).
--
-- $1 job_id text[]  $2 attempt_no smallint[] (all that end)  $3 follows boolean[] (whether another attempt is to follow)
-- rows: one per attempt that another would follow
-- locks: attempts, then jobs, of all that end, in id order, until the end of the transaction
-- index: attempts_pkey, jobs_pkey, bulks_pkey
-- not null: draws, overtaken
WITH ending AS MATERIALIZED (
  SELECT a.job_id, a.no, a.state, e.follows
    FROM unnest($1::text[], $2::smallint[], $3::boolean[]) AS e(job_id, no, follows) JOIN attempts a ON a.job_id = e.job_id AND a.no = e.no
   ORDER BY a.job_id, a.no FOR UPDATE OF a
), locked AS MATERIALIZED (
  SELECT e.no AS ending_no, e.follows AND e.state = 'open' AS follows, j.id, j.state, j.attempt_no, j.bulk_id, j.continuations, j.tokens_used,
         j.tokens_reserved, j.input_tokens_max, j.output_tokens_max
    FROM ending e JOIN jobs j ON j.id = e.job_id
   ORDER BY j.id FOR UPDATE OF j
)
SELECT l.id, l.ending_no, l.bulk_id, l.continuations, l.tokens_used, l.tokens_reserved, l.input_tokens_max, l.output_tokens_max, b.caps,
       b.attempts_left IS NOT NULL OR b.tokens_left IS NOT NULL AS draws, l.attempt_no > l.ending_no AS overtaken
  FROM locked l JOIN bulks b ON b.id = l.bulk_id
 WHERE l.follows AND CASE WHEN l.attempt_no = l.ending_no THEN l.state IN ('dispatched', 'running') ELSE l.state = 'running' END
 ORDER BY l.id
