-- 0009 · Stops: the notice of a stop carries it, and the end of a session proves a death only where it can.
--
-- Locks `processes` for the moment it takes to add two columns.

-- A process that hears of a stop shuts its gate by the notice itself and reads the rows afterwards: between the commit and the shut
-- gate lies one message, whatever else that process and the database have to do. The reason is cut so that the notice has room for it.
CREATE OR REPLACE FUNCTION stop_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_version bigint;
  v_notice  text := json_build_object('id', NEW.id, 'tenant_id', NEW.tenant_id, 'scope', NEW.scope, 'target', NEW.target, 'mode', NEW.mode,
    'reason', left(NEW.reason, 500), 'set_by', left(NEW.set_by, 200), 'set_at', NEW.set_at)::text;
BEGIN
  UPDATE flag_version SET version = version + 1 RETURNING version INTO v_version;
  INSERT INTO stops (id, flag_version) VALUES (NEW.id, v_version)
  ON CONFLICT (id) DO UPDATE SET flag_version = excluded.flag_version, completed_at = NULL;
  -- A notice may have 8,000 bytes, and nothing may keep a stop from being set: one without room is read from its row.
  PERFORM pg_notify('sluice_flags', CASE WHEN octet_length(v_notice) < 7500 THEN v_notice ELSE '' END);
  RETURN NULL;
END $$;

-- `identity` says which process of which machine a row is, as far as its kernel tells (control/dead-processes.ts has the form); a
-- living process of the same machine can see by it that it is dead. `confirmed_dead_at`: somebody has seen it, or a person says so.
ALTER TABLE processes ADD COLUMN identity text, ADD COLUMN confirmed_dead_at timestamptz;

-- Since when the sessions of this server can be there: its start, or its last recovery from a crash of one of its parts, which ends all
-- sessions and starts the checkpointer anew. Where the role may not see the latter the start counts.
CREATE FUNCTION sessions_since() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT greatest(pg_postmaster_start_time(),
                  (SELECT max(s.backend_start) FROM pg_stat_get_activity(NULL) s WHERE s.backend_type = 'checkpointer'))
$$;

-- Whether a process can start and receive nothing any more: it has said goodbye; or its lease has ended and its death is confirmed, or its
-- session has gone. A session that began before the server did has gone with the server and proves nothing: its process may be frozen in
-- the middle of a start, with its sockets to the provider open. One that lives comes back by itself with a new session.
CREATE OR REPLACE FUNCTION is_gone(p_process processes) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT p_process.ended_at IS NOT NULL
      OR (p_process.lease_until < clock_timestamp()
          AND (p_process.confirmed_dead_at IS NOT NULL
               OR (p_process.session_started_at >= sessions_since()
                   AND NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(NULL) s
                                    WHERE s.pid = p_process.session_pid
                                      AND (s.backend_start IS NULL OR s.backend_start = p_process.session_started_at)))))
$$;

-- For a person who knows that a process is dead where no machine can see it (its host was switched off, its container is gone):
-- SELECT sluice_confirm_dead('id', 'why'). Only of one whose lease has ended; true if that was news.
CREATE FUNCTION sluice_confirm_dead(p_id text, p_reason text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE processes SET confirmed_dead_at = clock_timestamp()
   WHERE id = p_id AND lease_until < clock_timestamp() AND ended_at IS NULL AND confirmed_dead_at IS NULL;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM append_audit('installation', 'sql:' || session_user, 'process.confirmed_dead', 'process', p_id, jsonb_build_object('reason', p_reason));
  RETURN true;
END $$;
