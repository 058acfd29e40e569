-- 0001 · The foundation: tenants and keys, queues and flags, bulks and jobs, attempts, money, message batches.
--
-- Why one file: every promise needs its wall from the first day. Postgres is the truth; whatever BullMQ or Redis holds can be
-- rebuilt from these rows. Locks nothing that exists (a fresh database).
--
-- Conventions: ids are lower-case ULIDs (26 characters); money is integer nano-dollars; the tenant stands on every row that
-- belongs to somebody, and the installation itself is the tenant 'installation'. States are CHECK-constrained, finished rows
-- have a finish time and others must not. Wide, cold text (inputs, results) lives beside the hot rows so that moving a job
-- from state to state never rewrites its text.

CREATE TABLE tenants (
  id         text PRIMARY KEY CHECK (id ~ '^[a-z0-9]{1,31}$'),
  name       text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tenants (id, name) VALUES ('installation', 'installation');

-- Only the SHA-256 of a key's secret is kept: the secret has 256 random bits, so a slow hash would add nothing.
CREATE TABLE api_keys (
  id            text PRIMARY KEY,
  tenant_id     text NOT NULL REFERENCES tenants,
  holder_kind   text NOT NULL CHECK (holder_kind IN ('person', 'service')),
  holder_name   text NOT NULL CHECK (length(holder_name) BETWEEN 1 AND 200),
  scopes        text[] NOT NULL CHECK (scopes <@ ARRAY['submit', 'read', 'operate', 'admin'] AND cardinality(scopes) > 0),
  secret_sha256 bytea NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
  secret_hint   text NOT NULL,
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  revoked_at    timestamptz,
  revoked_by    text,
  CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);

-- The provider's account that is billed and paced. One row today; tenants bring their own later.
CREATE TABLE credentials (
  id            text PRIMARY KEY,
  tenant_id     text NOT NULL REFERENCES tenants,
  name          text NOT NULL,
  stopped_at    timestamptz,
  stop_reason   text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, name),
  CHECK ((stopped_at IS NULL) = (stop_reason IS NULL))
);
INSERT INTO credentials (id, tenant_id, name) VALUES ('default', 'installation', 'default');

CREATE TABLE job_types (
  name          text PRIMARY KEY,
  owner         text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at  timestamptz NOT NULL DEFAULT now()
);

-- Append-only memory of every prompt that ever served: a version whose text changed is refused at start.
CREATE TABLE prompt_versions (
  job_type      text NOT NULL REFERENCES job_types,
  version       integer NOT NULL CHECK (version >= 1),
  sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_type, version)
);

-- A queue of tenant 'installation' is shared: every tenant may submit to it; a tenant's own queue of the same name wins.
CREATE TABLE queues (
  id                  text PRIMARY KEY,
  tenant_id           text NOT NULL REFERENCES tenants,
  name                text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  owner               text NOT NULL CHECK (length(owner) BETWEEN 1 AND 200),
  default_type        text,
  default_urgency     text CHECK (default_urgency IN ('now', 'whenever')),
  default_priority    smallint CHECK (default_priority BETWEEN 0 AND 9),
  concurrency_max     integer CHECK (concurrency_max >= 1),
  attempts_max        smallint CHECK (attempts_max BETWEEN 1 AND 20),
  job_age_max_s       integer CHECK (job_age_max_s >= 60),
  approve_above_nano  bigint CHECK (approve_above_nano >= 0),
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, name)
);

-- One row a pause or stop; lifting it writes lifted_at. The open ones are the switches that are on now.
CREATE TABLE flags (
  id         text PRIMARY KEY,
  tenant_id  text NOT NULL REFERENCES tenants,
  kind       text NOT NULL CHECK (kind IN ('pause', 'stop')),
  scope      text NOT NULL CHECK (scope IN ('global', 'tenant', 'queue', 'job_type', 'model', 'bulk')),
  target     text NOT NULL DEFAULT '',
  mode       text CHECK (mode IN ('drain', 'abort', 'abort_and_cancel')),
  reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  set_by     text NOT NULL,
  set_at     timestamptz NOT NULL DEFAULT now(),
  lifted_by  text,
  lifted_at  timestamptz,
  CHECK ((kind = 'stop') = (mode IS NOT NULL)),
  CHECK ((scope = 'global') = (target = '')),
  CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE UNIQUE INDEX flags_open ON flags (kind, scope, target) WHERE lifted_at IS NULL;

-- The version a process reads to renew its permission to start calls; every change of a flag moves it and tells the listeners.
CREATE TABLE flag_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version  bigint NOT NULL DEFAULT 1
);
INSERT INTO flag_version DEFAULT VALUES;

CREATE FUNCTION flags_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE flag_version SET version = version + 1;
  PERFORM pg_notify('sluice_flags', '');
  RETURN NULL;
END $$;
CREATE TRIGGER flags_changed AFTER INSERT OR UPDATE OR DELETE ON flags FOR EACH STATEMENT EXECUTE FUNCTION flags_changed();

-- A process's lease covers all calls it has in flight: one renewal for all of them. Once reaped it never comes back under
-- this id: what it had running has been booked and requeued, and its late answers are only corrections.
CREATE TABLE processes (
  id           text PRIMARY KEY,
  host         text NOT NULL,
  pid          integer NOT NULL,
  roles        text[] NOT NULL,
  concurrency  integer NOT NULL DEFAULT 0,
  flag_version bigint NOT NULL DEFAULT 0,
  started_at   timestamptz NOT NULL DEFAULT now(),
  lease_until  timestamptz NOT NULL,
  ended_at     timestamptz,
  reaped_at    timestamptz
);
CREATE INDEX processes_alive ON processes (lease_until) WHERE ended_at IS NULL AND reaped_at IS NULL;

-- One holder at a time; the epoch fences a holder that lost its lease without noticing.
CREATE TABLE leases (
  name       text PRIMARY KEY,
  holder     text NOT NULL,
  epoch      bigint NOT NULL DEFAULT 1,
  expires_at timestamptz NOT NULL
);

CREATE TABLE bulks (
  id           text PRIMARY KEY,
  tenant_id    text NOT NULL REFERENCES tenants,
  queue_id     text NOT NULL REFERENCES queues,
  job_type     text NOT NULL,
  shared       text,
  labels       jsonb NOT NULL DEFAULT '{}',
  on_invalid   text NOT NULL CHECK (on_invalid IN ('reject', 'skip')),
  accepted     integer NOT NULL DEFAULT 0 CHECK (accepted >= 0),
  invalid      integer NOT NULL DEFAULT 0 CHECK (invalid >= 0),
  single       boolean NOT NULL DEFAULT false,
  retry_of     text REFERENCES bulks,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  deadline_sweep_at timestamptz,
  canceled_at  timestamptz,
  canceled_by  text,
  finished_at  timestamptz,
  deleted_at   timestamptz,
  deleted_by   text
);
CREATE INDEX bulks_by_tenant ON bulks (tenant_id, id DESC);
CREATE INDEX bulks_unfinished ON bulks (queue_id, id) WHERE finished_at IS NULL;
CREATE INDEX bulks_by_label ON bulks USING gin (labels jsonb_path_ops);

-- Lines that a skip upload left out. The answer shows the first ones; this holds them all (bounded by the line limit).
CREATE TABLE bulk_errors (
  bulk_id   text NOT NULL REFERENCES bulks,
  tenant_id text NOT NULL,
  line      integer NOT NULL,
  n         smallint NOT NULL DEFAULT 0,
  field     text NOT NULL,
  reason    text NOT NULL,
  PRIMARY KEY (bulk_id, line, n)
);

CREATE SEQUENCE job_finish_seq;

-- The hot row of a job: small, moved by guarded statements only. See domain/job.ts for the drawing of the states.
CREATE TABLE jobs (
  id                text PRIMARY KEY,
  tenant_id         text NOT NULL,
  bulk_id           text NOT NULL REFERENCES bulks,
  queue_id          text NOT NULL,
  line              integer NOT NULL CHECK (line >= 1),
  key               text CHECK (length(key) BETWEEN 1 AND 200),
  job_type          text NOT NULL,
  lane              text NOT NULL CHECK (lane IN ('realtime', 'batch')),
  urgency           text NOT NULL CHECK (urgency IN ('now', 'whenever')),
  deadline_at       timestamptz,
  expires_at_deadline boolean NOT NULL DEFAULT false,
  priority          smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
  labels            jsonb,
  state             text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'dispatched', 'running', 'awaiting_approval',
                      'succeeded', 'refused', 'truncated', 'invalid_output', 'rejected', 'failed', 'expired', 'canceled')),
  wait_reason       text CHECK (wait_reason IN ('budget', 'rate', 'concurrency', 'pause', 'stop', 'approval', 'batch', 'fairness',
                      'breaker', 'schedule', 'credential', 'backlog')),
  dispatch_no       integer NOT NULL DEFAULT 0,
  not_before        timestamptz,
  lease_until       timestamptz,
  process_id        text,
  message_batch_id  text,
  attempts_paid     smallint NOT NULL DEFAULT 0,
  attempt_no        smallint NOT NULL DEFAULT 0,
  tries             smallint NOT NULL DEFAULT 0,
  attempts_max      smallint NOT NULL CHECK (attempts_max BETWEEN 1 AND 20),
  retry_reason      text,
  cancel_requested_at timestamptz,
  model             text NOT NULL,
  prompt_version    integer NOT NULL,
  request_bytes     integer NOT NULL CHECK (request_bytes > 0),
  request_sha256    bytea NOT NULL,
  input_tokens_max  integer NOT NULL,
  output_tokens_max integer NOT NULL,
  -- CostTraits of domain/price.ts, from the rendered request: what decides the dearest way the request can be charged.
  cache_write       text NOT NULL CHECK (cache_write IN ('none', '5m', '1h')),
  may_run_in_us     boolean NOT NULL,
  failure_code      text,
  failure_fault     text CHECK (failure_fault IN ('caller', 'provider', 'sluice', 'policy')),
  retry_of          text,
  cost_nano         bigint NOT NULL DEFAULT 0,
  realtime_nano     bigint NOT NULL DEFAULT 0,
  presumed_nano     bigint NOT NULL DEFAULT 0,
  created_at        timestamptz NOT NULL DEFAULT now(),
  queued_at         timestamptz NOT NULL DEFAULT now(),
  dispatched_at     timestamptz,
  finished_at       timestamptz,
  finish_seq        bigint,
  CONSTRAINT jobs_finish CHECK ((finished_at IS NOT NULL) = (state NOT IN ('queued', 'dispatched', 'running', 'awaiting_approval'))),
  CONSTRAINT jobs_finish_seq CHECK ((finished_at IS NULL) = (finish_seq IS NULL)),
  CONSTRAINT jobs_failure CHECK (state <> 'failed' OR (failure_code IS NOT NULL AND failure_fault IS NOT NULL)),
  CONSTRAINT jobs_lane_of_batch CHECK (message_batch_id IS NULL OR lane = 'batch')
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX jobs_by_line ON jobs (bulk_id, line);
CREATE UNIQUE INDEX jobs_by_key ON jobs (bulk_id, key) WHERE key IS NOT NULL;
CREATE INDEX jobs_queued ON jobs (bulk_id, lane, priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_unclaimed ON jobs (lease_until) WHERE state = 'dispatched' AND lane = 'realtime';
CREATE INDEX jobs_in_flight ON jobs (process_id) WHERE state = 'running' AND lane = 'realtime';
CREATE INDEX jobs_in_batch ON jobs (message_batch_id, id) WHERE state IN ('dispatched', 'running') AND message_batch_id IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (bulk_id, finish_seq) WHERE finish_seq IS NOT NULL;
CREATE INDEX jobs_by_label ON jobs USING gin (labels jsonb_path_ops) WHERE labels IS NOT NULL;

-- JSON text as the job type stored it: text and not jsonb, which cannot hold an escaped NUL or a lone surrogate.
CREATE TABLE job_inputs (
  job_id    text PRIMARY KEY,
  tenant_id text NOT NULL,
  input     text NOT NULL
);

CREATE TABLE job_results (
  job_id     text PRIMARY KEY,
  tenant_id  text NOT NULL,
  output     text,
  confidence real,
  abstained  text CHECK (abstained IN ('uncertain', 'out_of_scope', 'ambiguous', 'no_answer')),
  decided_by text NOT NULL DEFAULT 'model' CHECK (decided_by IN ('model', 'person', 'static', 'cache')),
  reason     text,
  attempt_no smallint,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Every statement that touches jobs leaves its difference here; a fold adds the differences into job_tallies. Reading is the
-- sum of both, so it is exact at every commit and costs the same with a million jobs as with ten.

CREATE TABLE job_tallies (
  bulk_id       text NOT NULL REFERENCES bulks,
  lane          text NOT NULL,
  state         text NOT NULL,
  jobs          bigint NOT NULL,
  cost_nano     bigint NOT NULL,
  realtime_nano bigint NOT NULL,
  presumed_nano bigint NOT NULL,
  PRIMARY KEY (bulk_id, lane, state)
);
CREATE TABLE job_tally_changes (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bulk_id       text NOT NULL,
  lane          text NOT NULL,
  state         text NOT NULL,
  jobs          bigint NOT NULL,
  cost_nano     bigint NOT NULL,
  realtime_nano bigint NOT NULL,
  presumed_nano bigint NOT NULL
);
CREATE INDEX job_tally_changes_by_bulk ON job_tally_changes (bulk_id);

CREATE FUNCTION jobs_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO job_tally_changes (bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano)
  SELECT bulk_id, lane, state, count(*), sum(cost_nano), sum(realtime_nano), sum(presumed_nano) FROM new_jobs GROUP BY bulk_id, lane, state;
  RETURN NULL;
END $$;
CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs REFERENCING NEW TABLE AS new_jobs
  FOR EACH STATEMENT EXECUTE FUNCTION jobs_inserted();

CREATE FUNCTION jobs_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO job_tally_changes (bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano)
  SELECT bulk_id, lane, state, sum(n), sum(cost_nano), sum(realtime_nano), sum(presumed_nano)
    FROM (SELECT bulk_id, lane, state, 1 AS n, cost_nano, realtime_nano, presumed_nano FROM new_jobs
          UNION ALL
          SELECT bulk_id, lane, state, -1, -cost_nano, -realtime_nano, -presumed_nano FROM old_jobs) moves
   GROUP BY bulk_id, lane, state
  HAVING sum(n) <> 0 OR sum(cost_nano) <> 0 OR sum(realtime_nano) <> 0 OR sum(presumed_nano) <> 0;
  RETURN NULL;
END $$;
CREATE TRIGGER jobs_updated AFTER UPDATE ON jobs REFERENCING OLD TABLE AS old_jobs NEW TABLE AS new_jobs
  FOR EACH STATEMENT EXECUTE FUNCTION jobs_updated();

CREATE TABLE budgets (
  id          text PRIMARY KEY,
  tenant_id   text NOT NULL REFERENCES tenants,
  scope       text NOT NULL CHECK (scope IN ('global', 'tenant', 'queue', 'job_type', 'label', 'bulk')),
  target      text NOT NULL DEFAULT '',
  owner       text NOT NULL,
  limit_nano  bigint NOT NULL CHECK (limit_nano >= 0),
  window_kind text NOT NULL CHECK (window_kind IN ('day', 'month', 'total')),
  time_zone   text NOT NULL DEFAULT 'UTC',
  when_bound  text NOT NULL DEFAULT 'wait' CHECK (when_bound IN ('wait', 'reject', 'downgrade')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  ended_at    timestamptz,
  CHECK ((scope = 'global') = (target = ''))
);
CREATE UNIQUE INDEX budgets_open ON budgets (scope, target, window_kind) WHERE ended_at IS NULL;

-- A window is the row that holds are taken against. Limit is copied from the budget when the window opens and moves with it.
CREATE TABLE budget_windows (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  budget_id    text NOT NULL REFERENCES budgets,
  tenant_id    text NOT NULL REFERENCES tenants,
  starts_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  limit_nano   bigint NOT NULL CHECK (limit_nano >= 0),
  spent_nano   bigint NOT NULL DEFAULT 0 CHECK (spent_nano >= 0),
  held_nano    bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
  overrun_nano bigint NOT NULL DEFAULT 0 CHECK (overrun_nano >= 0),
  UNIQUE (budget_id, starts_at),
  CHECK (starts_at < ends_at)
);

-- The ceiling, as a wall: no hold may be taken that lifts spent + held above the limit. A settlement above its hold is always
-- recorded (it lowers held), and so is a limit forced below what is committed (it touches neither).
CREATE FUNCTION guard_ceiling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.held_nano > OLD.held_nano AND NEW.spent_nano + NEW.held_nano > NEW.limit_nano THEN
    RAISE EXCEPTION 'ceiling: window % of budget % cannot hold that much', NEW.id, NEW.budget_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_ceiling BEFORE UPDATE ON budget_windows FOR EACH ROW EXECUTE FUNCTION guard_ceiling();

-- A hold belongs to one attempt or to one message batch, is opened once and closed once.
CREATE TABLE holds (
  id             text PRIMARY KEY,
  tenant_id      text NOT NULL,
  owner_kind     text NOT NULL CHECK (owner_kind IN ('attempt', 'message_batch')),
  owner_id       text NOT NULL,
  reason         text NOT NULL,
  amount_nano    bigint NOT NULL CHECK (amount_nano >= 0),
  remaining_nano bigint NOT NULL CHECK (remaining_nano BETWEEN 0 AND amount_nano),
  state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'released', 'presumed')),
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz,
  closed_at      timestamptz,
  UNIQUE (owner_kind, owner_id),
  CHECK ((state = 'open') = (closed_at IS NULL)),
  CHECK (state = 'open' OR remaining_nano = 0)
);
CREATE INDEX holds_open ON holds (expires_at) WHERE state = 'open';

CREATE TABLE hold_parts (
  hold_id        text NOT NULL REFERENCES holds,
  window_id      bigint NOT NULL REFERENCES budget_windows,
  amount_nano    bigint NOT NULL CHECK (amount_nano >= 0),
  remaining_nano bigint NOT NULL CHECK (remaining_nano BETWEEN 0 AND amount_nano),
  PRIMARY KEY (hold_id, window_id)
);
CREATE INDEX hold_parts_open ON hold_parts (window_id) WHERE remaining_nano > 0;

-- Append-only. One settle or presume per attempt (a presumed attempt that answers late gets a correction). It survives the
-- deletion of the bulk, so it carries its own dimensions and no text.
CREATE TABLE ledger (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id      text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('settle', 'presume', 'correction')),
  job_id         text NOT NULL,
  attempt_no     smallint NOT NULL,
  bulk_id        text NOT NULL,
  queue_id       text NOT NULL,
  job_type       text NOT NULL,
  prompt_version integer NOT NULL,
  model          text NOT NULL,
  lane           text NOT NULL,
  labels         jsonb,
  hold_id        text,
  price_id       text NOT NULL,
  amount_nano    bigint NOT NULL,
  realtime_nano  bigint NOT NULL,
  overrun_nano   bigint NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CHECK (kind = 'correction' OR amount_nano >= 0)
);
CREATE UNIQUE INDEX ledger_once_per_attempt ON ledger (job_id, attempt_no) WHERE kind IN ('settle', 'presume');
CREATE INDEX ledger_by_tenant ON ledger (tenant_id, created_at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE attempts (
  job_id           text NOT NULL,
  no               smallint NOT NULL CHECK (no >= 1),
  tenant_id        text NOT NULL,
  bulk_id          text NOT NULL,
  lane             text NOT NULL CHECK (lane IN ('realtime', 'batch')),
  state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'presumed', 'unpaid')),
  credential_id    text NOT NULL,
  process_id       text,
  message_batch_id text,
  hold_id          text,
  window_ids       bigint[] NOT NULL DEFAULT '{}',
  job_type         text NOT NULL,
  prompt_version   integer NOT NULL,
  model            text NOT NULL,
  request_sha256   bytea NOT NULL,
  request_bytes    integer NOT NULL,
  prompt_masked    text,
  worst_nano       bigint NOT NULL CHECK (worst_nano >= 0),
  price_id         text NOT NULL,
  price_at         timestamptz NOT NULL,
  outcome          text,
  retry_reason     text,
  http_status      smallint,
  error_type       text,
  request_id       text,
  stop_reason      text,
  usage            jsonb,
  cost_nano        bigint,
  realtime_nano    bigint,
  answer_sha256    bytea,
  answer_masked    text,
  guard_verdict    text NOT NULL DEFAULT 'none',
  queued_at        timestamptz NOT NULL,
  dispatched_at    timestamptz,
  claimed_at       timestamptz NOT NULL DEFAULT now(),
  sent_at          timestamptz,
  answered_at      timestamptz,
  recorded_at      timestamptz,
  late             boolean NOT NULL DEFAULT false,
  PRIMARY KEY (job_id, no),
  CHECK ((state = 'open') = (recorded_at IS NULL)),
  CHECK ((lane = 'batch') = (message_batch_id IS NOT NULL)),
  CHECK (state NOT IN ('settled', 'presumed') OR cost_nano IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX attempts_in_flight ON attempts (process_id) WHERE state = 'open' AND lane = 'realtime';
CREATE INDEX attempts_in_batch ON attempts (message_batch_id) WHERE state = 'open' AND lane = 'batch';
CREATE INDEX attempts_rate_limited ON attempts (recorded_at) WHERE http_status = 429;

CREATE TABLE message_batches (
  id                  text PRIMARY KEY,
  tenant_id           text NOT NULL REFERENCES tenants,
  queue_id            text NOT NULL REFERENCES queues,
  credential_id       text NOT NULL REFERENCES credentials,
  state               text NOT NULL DEFAULT 'intent' CHECK (state IN ('intent', 'creating', 'created', 'ended', 'ingested', 'doubtful', 'refused', 'void')),
  line_count          integer NOT NULL CHECK (line_count BETWEEN 1 AND 100000),
  body_bytes          bigint NOT NULL CHECK (body_bytes BETWEEN 1 AND 268435456),
  hold_id             text NOT NULL REFERENCES holds,
  provider_id         text,
  adopted             boolean NOT NULL DEFAULT false,
  process_id          text,
  lease_until         timestamptz,
  create_started_at   timestamptz,
  create_tries        smallint NOT NULL DEFAULT 0,
  doubtful_since      timestamptz,
  clear_listings      smallint NOT NULL DEFAULT 0,
  last_clear_listing_at timestamptz,
  processing_status   text CHECK (processing_status IN ('in_progress', 'canceling', 'ended')),
  provider_created_at timestamptz,
  provider_expires_at timestamptz,
  count_processing    integer NOT NULL DEFAULT 0,
  count_succeeded     integer NOT NULL DEFAULT 0,
  count_errored       integer NOT NULL DEFAULT 0,
  count_canceled      integer NOT NULL DEFAULT 0,
  count_expired       integer NOT NULL DEFAULT 0,
  cancel_requested_at timestamptz,
  cancel_sent_at      timestamptz,
  next_poll_at        timestamptz,
  wake_no             integer NOT NULL DEFAULT 0,
  poll_failures       smallint NOT NULL DEFAULT 0,
  ingested_lines      integer NOT NULL DEFAULT 0,
  paid_twice          integer NOT NULL DEFAULT 0,
  error_code          text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  ended_at            timestamptz,
  ingested_at         timestamptz,
  CHECK ((state IN ('created', 'ended', 'ingested')) = (provider_id IS NOT NULL)),
  CHECK ((state = 'doubtful' AND doubtful_since IS NOT NULL) OR state <> 'doubtful'),
  CHECK ((state = 'ingested') = (ingested_at IS NOT NULL))
);
-- A listed batch can be told by its line count while its creation is in doubt, because no two open ones share it.
CREATE UNIQUE INDEX message_batches_open_count ON message_batches (credential_id, line_count) WHERE state IN ('intent', 'creating', 'doubtful');
CREATE UNIQUE INDEX message_batches_provider_id ON message_batches (credential_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX message_batches_due ON message_batches (next_poll_at) WHERE state NOT IN ('ingested', 'refused', 'void');
CREATE INDEX message_batches_by_queue ON message_batches (queue_id, id DESC);

-- Provider batches that were looked at and proved to be somebody else's: never candidates again.
CREATE TABLE foreign_batches (
  credential_id text NOT NULL REFERENCES credentials,
  provider_id   text NOT NULL,
  seen_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (credential_id, provider_id)
);

CREATE TABLE idempotency_keys (
  tenant_id   text NOT NULL REFERENCES tenants,
  key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  route       text NOT NULL,
  process_id  text NOT NULL,
  body_sha256 bytea,
  status      smallint,
  answer      jsonb,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, key),
  CHECK ((status IS NULL) = (answer IS NULL)),
  CHECK ((status IS NULL) OR body_sha256 IS NOT NULL)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE audit_events (
  id           bigint PRIMARY KEY,
  tenant_id    text NOT NULL,
  at           timestamptz NOT NULL,
  actor        text NOT NULL,
  act          text NOT NULL,
  subject_kind text NOT NULL,
  subject_id   text NOT NULL,
  detail       jsonb NOT NULL DEFAULT '{}',
  previous     bytea NOT NULL,
  hash         bytea NOT NULL
);
CREATE INDEX audit_events_by_subject ON audit_events (subject_kind, subject_id, id);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The chain has one writer at a time (an advisory lock until the end of the transaction), so ids have no gaps and every hash
-- covers the one before it. Acts of people and flags are rare; a job's attempts are recorded in their own rows.
CREATE FUNCTION append_audit(p_tenant text, p_actor text, p_act text, p_subject_kind text, p_subject_id text, p_detail jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_last audit_events%ROWTYPE;
  v_id bigint;
  v_at timestamptz := clock_timestamp();
  v_previous bytea;
BEGIN
  PERFORM pg_advisory_xact_lock(7420001);
  SELECT * INTO v_last FROM audit_events ORDER BY id DESC LIMIT 1;
  v_id := coalesce(v_last.id, 0) + 1;
  v_previous := coalesce(v_last.hash, '\x00'::bytea);
  INSERT INTO audit_events (id, tenant_id, at, actor, act, subject_kind, subject_id, detail, previous, hash)
  VALUES (v_id, p_tenant, v_at, p_actor, p_act, p_subject_kind, p_subject_id, p_detail, v_previous,
    sha256(v_previous || convert_to(concat_ws(E'\x1f', v_id, p_tenant, extract(epoch FROM v_at), p_actor, p_act, p_subject_kind, p_subject_id, p_detail::text), 'UTF8')));
  RETURN v_id;
END $$;
