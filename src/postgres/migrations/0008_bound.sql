-- 0008 · The bound tightened: the provider's own count of a request, and caps that follow the lengths of answers.
--
-- Why on the rows: a hold must rest on what was true in its own transaction. A count stands on its job; how far counts can be believed
-- stands on one row a model, which every settlement of a counted job judges and every hold that uses a count reads. Lengths of answers
-- are gathered by a sweep over the ledger, so the books do nothing for them.
--
-- Locks: jobs against writers while an index of the waiting ones is built; jobs and attempts for the catalogue (no rewrite).

-- 0: the provider does not count a request like this. The bound by bytes stays on the row whatever is counted.
ALTER TABLE jobs ADD COLUMN input_tokens_counted integer;
-- Whether an effective cap has cut an answer of it: then it is sent with the declared cap.
ALTER TABLE jobs ADD COLUMN full_cap boolean NOT NULL DEFAULT false;
-- What is worth counting: jobs that wait because a ceiling had no room for their bound by bytes.
CREATE INDEX jobs_uncounted ON jobs (model, id) WHERE state = 'queued' AND wait_reason = 'budget' AND input_tokens_counted IS NULL;

-- What the hold of an attempt was computed from; its cap is the max_tokens it is sent with. Null in attempts from before.
ALTER TABLE attempts ADD COLUMN input_tokens_max integer, ADD COLUMN output_tokens_max integer;

-- How far the counts of a model can be believed; see domain/count-trust.ts. Switched off by one bill above its bound, switched on by a
-- person, and both begin anew with no samples.
CREATE TABLE count_trust (
  model      text PRIMARY KEY,
  margin_bp  integer NOT NULL DEFAULT 1000 CHECK (margin_bp BETWEEN 0 AND 10000),
  samples    bigint NOT NULL DEFAULT 0,
  worst_bp   bigint NOT NULL DEFAULT 0,
  since      timestamptz NOT NULL DEFAULT now(),
  off_at     timestamptz,
  off_reason text,
  told_at    timestamptz,
  CHECK ((off_at IS NULL) = (off_reason IS NULL)),
  CHECK (told_at IS NULL OR off_at IS NOT NULL)
) WITH (fillfactor = 50);

-- The least margin in basis points whose bound covers what was billed: as in domain/count-trust.ts.
CREATE FUNCTION margin_needed_bp(p_counted bigint, p_billed bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT greatest(0, (greatest(p_billed - 1, 0) * 10000) / p_counted - 9999)
$$;

-- All input tokens of a usage that could be priced: uncached, written to the cache, read from it.
CREATE FUNCTION prompt_tokens(p_usage jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce((p_usage ->> 'input_tokens')::bigint, 0) + coalesce((p_usage ->> 'cache_read_input_tokens')::bigint, 0)
       + greatest(coalesce((p_usage ->> 'cache_creation_input_tokens')::bigint, 0),
                  coalesce((p_usage -> 'cache_creation' ->> 'ephemeral_5m_input_tokens')::bigint, 0)
                  + coalesce((p_usage -> 'cache_creation' ->> 'ephemeral_1h_input_tokens')::bigint, 0))
$$;

-- Lengths of answers by class (domain/right-size.ts), the cap that follows from them (null: the declared one), and how it has done.
CREATE TABLE right_sizes (
  job_type       text NOT NULL,
  prompt_version integer NOT NULL,
  model          text NOT NULL,
  lengths        integer[] NOT NULL,
  samples        integer NOT NULL,
  cap            integer CHECK (cap >= 1),
  sized          integer NOT NULL DEFAULT 0,
  truncated      integer NOT NULL DEFAULT 0,
  off_at         timestamptz,
  off_reason     text,
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_type, prompt_version, model),
  CHECK ((off_at IS NULL) = (off_reason IS NULL)),
  CHECK (off_at IS NULL OR cap IS NULL)
);
-- Up to when the ledger has been read for the lengths of a type.
CREATE TABLE right_size_folds (
  job_type     text PRIMARY KEY,
  folded_until timestamptz NOT NULL
);

ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN ('budget_spent', 'budget_committed', 'overrun', 'credential_stopped',
  'breaker_tripped', 'paid_twice', 'batch_missing', 'count_off', 'test'));
