-- Stores a chunk of accepted lines: hot rows and inputs. A line whose key is taken in its bulk, by an earlier chunk or an earlier
-- line of this one, is left out and named in the answer.
--
-- $1 bulk_id text  $2 tenant_id text  $3 queue_id text  $4 job_type text  $5 attempts_max smallint  $6 expires_at_deadline boolean
-- $7 id text[]  $8 line integer[]  $9 key text[]  $10 lane text[]  $11 urgency text[]  $12 deadline_at timestamptz[]
-- $13 priority smallint[]  $14 labels text[] (JSON)  $15 model text[]  $16 prompt_version integer[]  $17 request_bytes integer[]
-- $18 request_sha256 text[] (hex)  $19 input_tokens_max integer[]  $20 output_tokens_max integer[]  $21 cache_write text[]
-- $22 may_run_in_us boolean[]  $23 retry_of text[]  $24 input text[]  $25 may_wait boolean[]  $26 web_searches_max integer[]
-- $27 full_cap boolean
-- rows: the line of every row that was left out
-- locks: key share on the bulk
-- index: jobs_pkey, jobs_by_line, jobs_by_key
-- not null: line
WITH given AS MATERIALIZED (
  SELECT * FROM unnest($7::text[], $8::integer[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::smallint[], $14::text[],
    $15::text[], $16::integer[], $17::integer[], $18::text[], $19::integer[], $20::integer[], $21::text[], $22::boolean[], $23::text[],
    $24::text[], $25::boolean[], $26::integer[])
    AS g(id, line, key, lane, urgency, deadline_at, priority, labels, model, prompt_version, request_bytes, request_sha256,
      input_tokens_max, output_tokens_max, cache_write, may_run_in_us, retry_of, input, may_wait, web_searches_max)
), stored AS (
  INSERT INTO jobs (id, tenant_id, bulk_id, queue_id, line, key, job_type, lane, urgency, deadline_at, expires_at_deadline, priority, labels,
    attempts_max, model, prompt_version, request_bytes, request_sha256, input_tokens_max, output_tokens_max, cache_write, may_run_in_us,
    retry_of, may_wait, web_searches_max, full_cap)
  SELECT g.id, $2::text, $1::text, $3::text, g.line, g.key, $4::text, g.lane, g.urgency, g.deadline_at,
         $6::boolean AND g.deadline_at IS NOT NULL, g.priority, g.labels::jsonb, $5::smallint, g.model, g.prompt_version, g.request_bytes,
         decode(g.request_sha256, 'hex'), g.input_tokens_max, g.output_tokens_max, g.cache_write, g.may_run_in_us, g.retry_of,
         g.may_wait, g.web_searches_max, $27::boolean
    FROM given g
  ON CONFLICT (bulk_id, key) WHERE key IS NOT NULL DO NOTHING
  RETURNING id
), inputs AS (
  INSERT INTO job_inputs (job_id, tenant_id, input)
  SELECT g.id, $2::text, g.input FROM given g JOIN stored s ON s.id = g.id
)
SELECT g.line FROM given g LEFT JOIN stored s ON s.id = g.id WHERE s.id IS NULL ORDER BY g.line
