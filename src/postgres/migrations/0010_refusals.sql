-- 0010 · Models that a credential may not use, message batches that are not proved ours, alerts that grow old.
--
-- Why: the provider refuses a model to a key as it refuses the key itself, with a 403. One refused model must hold back its own work
-- only. And a batch that was recognised in a listing by its size and time may be a stranger's until its results show our names: what
-- cannot be undone waits for that. Locks: alerts and message_batches for a moment; the update touches batches under way only.

-- A row while a model is held back. `proved`: a call of another kind was answered since the first refusal, so the key itself is good.
CREATE TABLE refused_models (
  credential_id text NOT NULL REFERENCES credentials,
  model         text NOT NULL,
  since         timestamptz NOT NULL,
  refused_at    timestamptz NOT NULL,
  -- When it was last let through to be tried.
  probed_at     timestamptz,
  proved        boolean NOT NULL DEFAULT false,
  -- The jobs refused since, the last at the end: no more than a few, so that others are tried before them.
  jobs          text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (credential_id, model)
);

-- Jobs whose model answered others after it had refused them, and how often: at the third time it is the request. No reference to jobs,
-- whose rows are locked before refused_models elsewhere and never behind it.
CREATE TABLE suspect_jobs (
  job_id text PRIMARY KEY,
  times  smallint NOT NULL,
  at     timestamptz NOT NULL
);
CREATE INDEX suspect_jobs_by_age ON suspect_jobs (at);

-- The lists are widened as they are, whatever other migrations have made of them.
DO $$
DECLARE
  v_kinds text;
  v_scopes text;
BEGIN
  SELECT pg_get_constraintdef(oid) INTO STRICT v_kinds FROM pg_constraint WHERE conname = 'alerts_kind_check' AND conrelid = 'alerts'::regclass;
  SELECT pg_get_constraintdef(oid) INTO STRICT v_scopes FROM pg_constraint WHERE conname = 'alerts_scope_check' AND conrelid = 'alerts'::regclass;
  ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check, DROP CONSTRAINT alerts_scope_check;
  EXECUTE 'ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check '
    || regexp_replace(v_kinds, 'ARRAY\[', 'ARRAY[''model_refused''::text, ''results_lost''::text, ');
  EXECUTE 'ALTER TABLE alerts ADD CONSTRAINT alerts_scope_check ' || regexp_replace(v_scopes, 'ARRAY\[', 'ARRAY[''model''::text, ');
END $$;

-- As the alert of a credential: one that flaps is one alert an hour.
CREATE FUNCTION model_refused_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, reason)
  SELECT format('model:%s:%s:%s', NEW.credential_id, NEW.model, to_char(NEW.since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')),
         'model_refused', c.tenant_id, 'model', NEW.model, 'credential ' || c.name
    FROM credentials c WHERE c.id = NEW.credential_id
  ON CONFLICT (dedupe_key) DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER model_refused_alert AFTER INSERT ON refused_models FOR EACH ROW EXECUTE FUNCTION model_refused_alert();

-- Found by its number of lines and its time, and by nothing else yet.
ALTER TABLE message_batches ADD COLUMN unproved boolean NOT NULL DEFAULT false;
UPDATE message_batches
   SET unproved = error_code IS DISTINCT FROM 'found_after_restore',
       error_code = CASE WHEN error_code = 'one_of_several' THEN NULL ELSE error_code END
 WHERE adopted AND state IN ('created', 'ended');

-- What is done with is removed after a while.
CREATE INDEX alerts_by_age ON alerts (raised_at) WHERE state <> 'pending';
