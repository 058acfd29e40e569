-- 0004 · Alerts that leave the process, the breaker's memory of spend, and overruns that stop their queue.
--
-- Why triggers: an alert is written in the transaction that crosses its threshold, so none is missed and none is told that did not
-- happen. The triggers on hot tables have a WHEN condition over the row at hand: nothing runs unless something is crossed.
-- No two transactions ever wait for each other's alert: its key is made of a row that the transaction which raises it has locked,
-- or of the id of a flag it has opened itself.
--
-- Locks: ledger, budget_windows, credentials and message_batches against writers, while an index of the ledger is built and the
-- triggers are made.

-- Ids of rows that are born in a trigger: lower-case ULIDs, as everywhere.
CREATE FUNCTION new_id() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  alphabet constant text := '0123456789abcdefghjkmnpqrstvwxyz';
  ms bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  chance bytea := uuid_send(gen_random_uuid());
  id text := '';
BEGIN
  FOR place IN REVERSE 9..0 LOOP
    id := id || substr(alphabet, ((ms >> (place * 5)) & 31)::integer + 1, 1);
  END LOOP;
  FOR place IN 0..15 LOOP
    id := id || substr(alphabet, (get_byte(chance, place) & 31) + 1, 1);
  END LOOP;
  RETURN id;
END $$;

-- The outbox. A row is what happened, in figures, and how far it has got on its way out:
--   pending ─▶ delivered | failed (given up; stays visible) | logged (no webhook was configured when it was announced)
-- A key raises one alert, ever: "once each per window" and its like are this constraint.
CREATE TABLE alerts (
  id               text PRIMARY KEY DEFAULT new_id(),
  dedupe_key       text NOT NULL UNIQUE,
  kind             text NOT NULL CHECK (kind IN ('budget_spent', 'budget_committed', 'overrun', 'credential_stopped', 'breaker_tripped',
                     'paid_twice', 'batch_missing', 'test')),
  tenant_id        text NOT NULL REFERENCES tenants,
  tenant_name      text NOT NULL,
  scope            text NOT NULL CHECK (scope IN ('global', 'tenant', 'queue', 'job_type', 'label', 'bulk', 'credential', 'message_batch')),
  target           text NOT NULL DEFAULT '',
  target_name      text NOT NULL,
  owner            text NOT NULL,
  reason           text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
  percent          smallint CHECK (percent IN (50, 80, 95, 100)),
  limit_nano       bigint,
  spent_nano       bigint,
  held_nano        bigint,
  window_starts_at timestamptz,
  window_ends_at   timestamptz,
  raised_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  announced_at     timestamptz,
  state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'logged')),
  tries            smallint NOT NULL DEFAULT 0,
  next_try_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_error       text,
  delivered_at     timestamptz,
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK ((kind = 'budget_spent') = (percent IS NOT NULL))
);
CREATE INDEX alerts_by_tenant ON alerts (tenant_id, id DESC);
CREATE INDEX alerts_unannounced ON alerts (id) WHERE announced_at IS NULL;
CREATE INDEX alerts_undelivered ON alerts (state, next_try_at) WHERE state IN ('pending', 'failed');

-- How the way out has done lately, over all alerts: what /readyz asks.
CREATE TABLE alert_path (
  only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  failures_in_row integer NOT NULL DEFAULT 0,
  last_error      text,
  last_success_at timestamptz,
  last_failure_at timestamptz
);
INSERT INTO alert_path DEFAULT VALUES;

-- Whoever raises an alert says what it is about; names and the owner are looked up here, once, so that the row explains itself.
CREATE FUNCTION name_alert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_queue queues%ROWTYPE;
BEGIN
  SELECT name INTO NEW.tenant_name FROM tenants WHERE id = NEW.tenant_id;
  NEW.target_name := NEW.target;
  IF NEW.scope = 'tenant' THEN
    SELECT name INTO NEW.target_name FROM tenants WHERE id = NEW.target;
  ELSIF NEW.scope = 'queue' THEN
    SELECT * INTO v_queue FROM queues WHERE id = NEW.target;
    NEW.target_name := coalesce(v_queue.name, NEW.target);
    NEW.owner := coalesce(NEW.owner, v_queue.owner);
  ELSIF NEW.scope = 'message_batch' THEN
    SELECT q.* INTO v_queue FROM message_batches m JOIN queues q ON q.id = m.queue_id WHERE m.id = NEW.target;
    NEW.owner := coalesce(NEW.owner, v_queue.owner);
  END IF;
  NEW.target_name := coalesce(NEW.target_name, NEW.target);
  -- A tenant answers for itself; what belongs to nobody else is the operator's.
  NEW.owner := coalesce(NEW.owner, CASE WHEN NEW.scope = 'tenant' THEN NEW.target_name ELSE 'operator' END);
  RETURN NEW;
END $$;
CREATE TRIGGER name_alert BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION name_alert();

CREATE FUNCTION alert_raised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('sluice_alert', '');
  RETURN NULL;
END $$;
CREATE TRIGGER alert_raised AFTER INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION alert_raised();

-- How much of a limit is spent, as the step that was reached last. Exact in integers, and without a product that could overflow.
CREATE FUNCTION spent_step(spent bigint, ceiling bigint) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN ceiling <= 0 THEN 0 WHEN spent >= ceiling THEN 100 WHEN spent >= ceiling - ceiling / 20 THEN 95
              WHEN spent >= ceiling - ceiling / 5 THEN 80 WHEN spent >= ceiling - ceiling / 2 THEN 50 ELSE 0 END
$$;

-- Since when work has found no room. Holds are never shrunk to what is left, so a budget is full before the last cent is held.
ALTER TABLE budget_windows ADD COLUMN bound_at timestamptz;

-- A threshold is crossed by spend or by a lower limit; full is a budget whose limit is reached or that had no room for the next piece of
-- work. The window's row is locked by whoever is here.
CREATE FUNCTION window_alerts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_was integer := spent_step(OLD.spent_nano, OLD.limit_nano);
  v_is integer := spent_step(NEW.spent_nano, NEW.limit_nano);
BEGIN
  INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, owner, percent, limit_nano, spent_nano, held_nano, window_starts_at, window_ends_at)
  SELECT format('window:%s:%s', NEW.id, crossed.name), crossed.kind, b.tenant_id, b.scope, b.target, b.owner, crossed.percent,
         NEW.limit_nano, NEW.spent_nano, NEW.held_nano, NEW.starts_at, NEW.ends_at
    FROM budgets b
    CROSS JOIN LATERAL (
      SELECT 'spent_' || step AS name, 'budget_spent' AS kind, step AS percent FROM unnest(ARRAY[50, 80, 95, 100]) AS step WHERE step > v_was AND step <= v_is
      UNION ALL
      SELECT 'committed', 'budget_committed', NULL
       WHERE (NEW.limit_nano > 0 AND NEW.spent_nano + NEW.held_nano >= NEW.limit_nano AND OLD.spent_nano + OLD.held_nano < OLD.limit_nano)
          OR (OLD.bound_at IS NULL AND NEW.bound_at IS NOT NULL)
    ) crossed
   WHERE b.id = NEW.budget_id
   ORDER BY crossed.percent
  ON CONFLICT (dedupe_key) DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER window_alerts AFTER UPDATE ON budget_windows FOR EACH ROW
  WHEN (spent_step(NEW.spent_nano, NEW.limit_nano) > spent_step(OLD.spent_nano, OLD.limit_nano)
     OR (NEW.limit_nano > 0 AND NEW.spent_nano + NEW.held_nano >= NEW.limit_nano AND OLD.spent_nano + OLD.held_nano < OLD.limit_nano)
     OR (OLD.bound_at IS NULL AND NEW.bound_at IS NOT NULL))
  EXECUTE FUNCTION window_alerts();

-- A credential that flaps between refusal and success is one alert an hour and reason, not one a minute.
CREATE FUNCTION credential_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, reason)
  VALUES (format('credential:%s:%s:%s', NEW.id, NEW.stop_reason, to_char(NEW.stopped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')),
          'credential_stopped', NEW.tenant_id, 'credential', NEW.id, NEW.stop_reason)
  ON CONFLICT (dedupe_key) DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER credential_alert AFTER UPDATE ON credentials FOR EACH ROW
  WHEN (OLD.stopped_at IS NULL AND NEW.stopped_at IS NOT NULL) EXECUTE FUNCTION credential_alert();

CREATE FUNCTION paid_twice_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, reason)
  VALUES (format('batch:%s:paid_twice', NEW.id), 'paid_twice', NEW.tenant_id, 'message_batch', NEW.id, NEW.paid_twice || ' lines or more')
  ON CONFLICT (dedupe_key) DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER paid_twice_alert AFTER UPDATE ON message_batches FOR EACH ROW
  WHEN (OLD.paid_twice = 0 AND NEW.paid_twice > 0) EXECUTE FUNCTION paid_twice_alert();

-- Spend above its hold, written with its ledger entry. The pause it asks for is taken outside of that transaction, because it locks
-- flags and the audit chain, which come after the budget windows; the sweep is told with the commit and acts within milliseconds.
CREATE TABLE overruns (
  ledger_id   bigint PRIMARY KEY,
  tenant_id   text NOT NULL,
  queue_id    text NOT NULL,
  job_id      text NOT NULL,
  attempt_no  smallint NOT NULL,
  amount_nano bigint NOT NULL CHECK (amount_nano > 0),
  at          timestamptz NOT NULL DEFAULT now(),
  handled_at  timestamptz
);
CREATE INDEX overruns_open ON overruns (queue_id) WHERE handled_at IS NULL;

CREATE FUNCTION overrun_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO overruns (ledger_id, tenant_id, queue_id, job_id, attempt_no, amount_nano)
  VALUES (NEW.id, NEW.tenant_id, NEW.queue_id, NEW.job_id, NEW.attempt_no, NEW.overrun_nano);
  PERFORM pg_notify('sluice_alert', 'overrun');
  RETURN NULL;
END $$;
CREATE TRIGGER overrun_booked AFTER INSERT ON ledger FOR EACH ROW WHEN (NEW.overrun_nano > 0) EXECUTE FUNCTION overrun_booked();

-- The breaker's memory: what each tenant spent in each queue, by minute for the last two hours and by hour for the last eight days.
-- The ledger is the truth; a fold adds it up here long enough after the fact that no transaction of that time is still open, and
-- what is younger is read from the ledger itself. An entry that comes later than that is missed by the breaker and by nobody else.
CREATE INDEX IF NOT EXISTS ledger_by_time ON ledger (created_at);
CREATE TABLE spend_minutes (
  minute      timestamptz NOT NULL,
  tenant_id   text NOT NULL,
  queue_id    text NOT NULL,
  amount_nano bigint NOT NULL,
  PRIMARY KEY (minute, tenant_id, queue_id)
);
CREATE TABLE spend_hours (
  hour        timestamptz NOT NULL,
  tenant_id   text NOT NULL,
  queue_id    text NOT NULL,
  amount_nano bigint NOT NULL,
  PRIMARY KEY (hour, tenant_id, queue_id)
);
CREATE TABLE spend_fold (
  only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  folded_until timestamptz NOT NULL
);
INSERT INTO spend_fold (folded_until)
SELECT date_trunc('minute', greatest(now() - interval '7 days', coalesce((SELECT min(created_at) FROM ledger), now())));
CREATE INDEX flags_lifted ON flags (scope, target, lifted_at) WHERE lifted_at IS NOT NULL;
