-- 0006 · Stops: the kill switch of a scope, with a receipt that can be read after any restart.
--
-- A stop is a flag row and, beside it, what its receipt needs: the version of the flags from which it is in force, and when it
-- was complete. Both are written by a trigger, so whoever inserts the flag (the API, the command line, one line of SQL) is
-- judged by the same rows. Locks `flags`, `processes`, `attempts` and `message_batches` for the moment it takes to add columns and
-- an index.

CREATE TABLE stops (
  id           text PRIMARY KEY REFERENCES flags ON DELETE CASCADE,
  -- A process that has acknowledged this version obeys the stop.
  flag_version bigint NOT NULL,
  completed_at timestamptz
);

-- The audit chain is locked before the version of the flags everywhere: triggers fire at the end of the statement, after its
-- append_audit.
CREATE FUNCTION stop_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_version bigint;
BEGIN
  UPDATE flag_version SET version = version + 1 RETURNING version INTO v_version;
  INSERT INTO stops (id, flag_version) VALUES (NEW.id, v_version)
  ON CONFLICT (id) DO UPDATE SET flag_version = excluded.flag_version, completed_at = NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER stop_set AFTER INSERT ON flags FOR EACH ROW WHEN (NEW.kind = 'stop') EXECUTE FUNCTION stop_changed();
CREATE TRIGGER stop_hardened AFTER UPDATE OF mode ON flags FOR EACH ROW
  WHEN (NEW.kind = 'stop' AND NEW.lifted_at IS NULL AND NEW.mode IS DISTINCT FROM OLD.mode) EXECUTE FUNCTION stop_changed();

-- Whether a flag of this scope and target covers work of these names. The same rule as the gate's in domain/flag.ts; a dated name of a
-- model is the model.
CREATE FUNCTION in_scope(p_scope text, p_target text, p_tenant text, p_queue text, p_job_type text, p_model text, p_bulk text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE p_scope WHEN 'global' THEN true
                      WHEN 'tenant' THEN p_target = p_tenant
                      WHEN 'queue' THEN p_target = p_queue
                      WHEN 'job_type' THEN p_target = p_job_type
                      WHEN 'model' THEN p_target IN (p_model, regexp_replace(p_model, '-20[0-9]{6}$', ''))
                      WHEN 'bulk' THEN p_target = p_bulk
                      ELSE false END
$$;

-- How long a bulk has been held by pauses and stops, in all and up to now: that time does not count against its maximum age. Those that
-- overlap count once. Which models its lines name is not known here, so a stop of a model holds no bulk.
CREATE FUNCTION suspended_for(p_bulk bulks) RETURNS interval LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(upper(held.span) - lower(held.span)), interval '0')
    FROM (SELECT unnest(range_agg(tstzrange(greatest(f.set_at, p_bulk.created_at), coalesce(f.lifted_at, clock_timestamp())))) AS span
            FROM flags f
           WHERE coalesce(f.lifted_at, clock_timestamp()) > greatest(f.set_at, p_bulk.created_at)
             AND in_scope(f.scope, f.target, p_bulk.tenant_id, p_bulk.queue_id, p_bulk.job_type, '', p_bulk.id)) held
$$;

-- Sets a stop with its audit event, in one statement. One that is open already for this scope and target only becomes harder, and the
-- installation's once the installation asks for it. The stop of a restore becomes the one of whoever stops everything beside it: the
-- end of the recovery lifts its own stop, and never somebody's. Nothing comes back if nothing changes.
CREATE FUNCTION set_stop(p_id text, p_tenant text, p_scope text, p_target text, p_mode text, p_reason text, p_actor text)
RETURNS TABLE (stop_id text, audit_id bigint) LANGUAGE sql VOLATILE AS $$
  WITH changed AS (
    INSERT INTO flags AS f (id, tenant_id, kind, scope, target, mode, reason, set_by)
    VALUES (p_id, p_tenant, 'stop', p_scope, p_target, p_mode, p_reason, p_actor)
    ON CONFLICT (kind, scope, target) WHERE lifted_at IS NULL DO UPDATE
       SET mode = CASE WHEN array_position(ARRAY['drain', 'abort', 'abort_and_cancel'], excluded.mode)
                          > array_position(ARRAY['drain', 'abort', 'abort_and_cancel'], f.mode) THEN excluded.mode ELSE f.mode END,
           tenant_id = CASE WHEN excluded.tenant_id = 'installation' THEN excluded.tenant_id ELSE f.tenant_id END,
           reason = CASE WHEN f.set_by = 'restore' THEN excluded.reason ELSE f.reason END,
           set_by = CASE WHEN f.set_by = 'restore' THEN excluded.set_by ELSE f.set_by END
     WHERE array_position(ARRAY['drain', 'abort', 'abort_and_cancel'], excluded.mode)
             > array_position(ARRAY['drain', 'abort', 'abort_and_cancel'], f.mode)
        OR (excluded.tenant_id = 'installation' AND f.tenant_id <> 'installation')
        OR (f.set_by = 'restore' AND excluded.set_by <> 'restore')
    RETURNING f.id, f.tenant_id, f.scope, f.target, f.mode
  )
  SELECT c.id, append_audit(c.tenant_id, p_actor, CASE WHEN c.id = p_id THEN 'stop.set' ELSE 'stop.hardened' END, c.scope, c.target,
                            jsonb_build_object('flag', c.id, 'mode', c.mode, 'reason', p_reason))
    FROM changed c
$$;

-- The switch for whoever has nothing but a connection to the database: SELECT sluice_stop('why'). Everything stops, calls under way
-- are aborted, message batches are canceled by the first process that lives. Answers the id of the stop, also of one that was open.
CREATE FUNCTION sluice_stop(p_reason text, p_mode text DEFAULT 'abort_and_cancel') RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_stop(new_id(), 'installation', 'global', '', p_mode, p_reason, 'sql:' || session_user);
  RETURN (SELECT id FROM flags WHERE kind = 'stop' AND scope = 'global' AND lifted_at IS NULL);
END $$;

-- How it is known that a process is dead and not just silent. A frozen process keeps its sockets, and a killed one loses them at once:
-- while the session of its control connection is there, it may come back and write what it had already checked.
-- `again_as` is the new id of a process that was declared dead and lives.
ALTER TABLE processes ADD COLUMN session_pid integer, ADD COLUMN session_started_at timestamptz, ADD COLUMN again_as text,
  ADD COLUMN last_call_at timestamptz;

CREATE FUNCTION own_session_start() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())
$$;

-- Whether a process can start and receive nothing any more: it has said goodbye, or its lease has ended and its session has gone.
CREATE FUNCTION is_gone(p_process processes) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT p_process.ended_at IS NOT NULL
      OR (p_process.lease_until < clock_timestamp()
          AND NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(NULL) s
                           WHERE s.pid = p_process.session_pid
                             AND (s.backend_start IS NULL OR s.backend_start = p_process.session_started_at)))
$$;

-- What a process's row says of a stop in force since a version of the flags. Only `unconfirmed` leaves the possibility of a start.
--   acknowledged      it obeys the stop
--   ended             it has said goodbye with nothing in flight
--   again             it was declared dead, came back and is listed under its new id
--   permission_ended  its lease and with it its permission have ended, and its session with the database has gone
--   unconfirmed       none of these: it may be frozen in the middle of a start
CREATE FUNCTION stop_state(p_process processes, p_version bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_process.flag_version >= p_version THEN 'acknowledged'
              WHEN p_process.ended_at IS NOT NULL THEN 'ended'
              WHEN p_process.again_as IS NOT NULL THEN 'again'
              WHEN is_gone(p_process) THEN 'permission_ended'
              ELSE 'unconfirmed' END
$$;

-- The stop that asked for the cancellation of a message batch.
ALTER TABLE message_batches ADD COLUMN stop_id text REFERENCES stops;
CREATE INDEX message_batches_of_stop ON message_batches (stop_id) WHERE stop_id IS NOT NULL;
CREATE INDEX message_batches_to_cancel ON message_batches (cancel_requested_at)
  WHERE cancel_requested_at IS NOT NULL AND cancel_sent_at IS NULL AND state = 'created';
-- Calls that were aborted, for receipts; none of the attempts that end as they should is in it.
CREATE INDEX attempts_aborted ON attempts (recorded_at) WHERE outcome = 'aborted';

-- Stops that are older than this table, such as the one of a restore from an older backup: in force from now on, as a receipt sees it.
INSERT INTO stops (id, flag_version) SELECT f.id, v.version FROM flags f, flag_version v WHERE f.kind = 'stop' ON CONFLICT (id) DO NOTHING;
