-- Creates a queue or replaces its settings whole.
--
-- $1 id text (used if it is new)  $2 tenant_id text  $3 name text  $4 owner text  $5 default_type text | null
-- $6 default_urgency text | null  $7 default_priority smallint | null  $8 concurrency_max integer | null
-- $9 attempts_max smallint | null  $10 job_age_max_s integer | null  $11 approve_above_nano bigint | null
-- rows: 1; `created` says whether it is new
-- locks: the queue's row
-- index: queues_tenant_id_name_key
-- not null: created
INSERT INTO queues AS q (id, tenant_id, name, owner, default_type, default_urgency, default_priority, concurrency_max, attempts_max,
    job_age_max_s, approve_above_nano)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::smallint, $8::integer, $9::smallint, $10::integer, $11::bigint)
ON CONFLICT (tenant_id, name) DO UPDATE
   SET owner = excluded.owner, default_type = excluded.default_type, default_urgency = excluded.default_urgency,
       default_priority = excluded.default_priority, concurrency_max = excluded.concurrency_max, attempts_max = excluded.attempts_max,
       job_age_max_s = excluded.job_age_max_s,
       approve_above_nano = excluded.approve_above_nano, updated_at = now()
RETURNING q.id, q.id = $1::text AS created
