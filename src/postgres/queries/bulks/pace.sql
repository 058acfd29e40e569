-- How fast a bulk finished lately: the instant of the outcome that lies $2 outcomes back, and how many came since.
--
-- $1 bulk_id text  $2 outcomes_max integer
-- rows: 1; `since` is null before the first outcome
-- locks: none
-- index: jobs_finished
-- not null: outcomes
SELECT min(r.finished_at) AS since, max(r.finished_at) AS latest, count(*)::integer AS outcomes
  FROM (SELECT finished_at FROM jobs WHERE bulk_id = $1::text AND finish_seq IS NOT NULL ORDER BY finish_seq DESC LIMIT $2::integer) r
