-- Notes on jobs that another attempt follows: what they have used and reserved, and, where it is a continuation, the turn and the request
-- that now carries it.
--
-- $1 job_id text[]  $2 attempt_no smallint[]  $3 tokens_used bigint[]  $4 tokens_reserved bigint[]
-- $5 turn text[] (null: the same request again)  $6 request_bytes integer[]  $7 request_sha256 bytea[]  $8 input_tokens_max integer[]
-- rows: none
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey, job_turns_pkey
WITH allowed AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::text[], $6::integer[], $7::bytea[], $8::integer[])
    AS a(job_id, attempt_no, tokens_used, tokens_reserved, turn, request_bytes, request_sha256, input_tokens_max)
), kept AS (
  INSERT INTO job_turns (job_id, attempt_no, tenant_id, turn)
  SELECT a.job_id, a.attempt_no, j.tenant_id, a.turn FROM allowed a JOIN jobs j ON j.id = a.job_id WHERE a.turn IS NOT NULL
)
UPDATE jobs j
   SET tokens_used = a.tokens_used, tokens_reserved = a.tokens_reserved,
       continuations = j.continuations + CASE WHEN a.turn IS NULL THEN 0 ELSE 1 END,
       request_bytes = coalesce(a.request_bytes, j.request_bytes), request_sha256 = coalesce(a.request_sha256, j.request_sha256),
       input_tokens_max = coalesce(a.input_tokens_max, j.input_tokens_max),
       -- A count was of the request as it was; 0: with a turn of a server tool it is none the provider counts.
       input_tokens_counted = CASE WHEN a.turn IS NULL THEN j.input_tokens_counted ELSE 0 END
  FROM allowed a
 WHERE j.id = a.job_id
