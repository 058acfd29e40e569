-- Removes what callers sent and the model answered from the jobs of a deleted bulk, some lines at a time. Jobs, attempts and
-- the ledger stay: ids, times, outcomes and money.
--
-- $1 bulk_id text  $2 line_from integer  $3 line_to integer (both included)
-- rows: none
-- locks: the rows of those lines
-- index: jobs_by_line, job_inputs_pkey, job_results_pkey, job_turns_pkey, attempts_pkey
WITH lines AS MATERIALIZED (
  SELECT id FROM jobs WHERE bulk_id = $1::text AND line BETWEEN $2::integer AND $3::integer
), inputs AS (
  DELETE FROM job_inputs i USING lines l WHERE i.job_id = l.id
), turns AS (
  DELETE FROM job_turns t USING lines l WHERE t.job_id = l.id
), results AS (
  DELETE FROM job_results r USING lines l WHERE r.job_id = l.id
), traces AS (
  UPDATE attempts a SET prompt_masked = NULL, answer_masked = NULL
    FROM lines l WHERE a.job_id = l.id AND (a.prompt_masked IS NOT NULL OR a.answer_masked IS NOT NULL)
)
UPDATE jobs j SET key = NULL, labels = NULL
  FROM lines l WHERE j.id = l.id AND (j.key IS NOT NULL OR j.labels IS NOT NULL)
