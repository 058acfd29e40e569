-- 0005 · What a restore leaves behind: a marker that keeps everything stopped until the provider's doings since are booked.
--
-- A restored ledger knows nothing of what was spent after its backup, so its ceilings are open. The marker is a row, and while one
-- is open no global stop can be lifted, by anybody: only `sluice recover` closes the marker and then lifts the stop of the restore.
-- The refusal has a state of its own, SL001, which the pool tells as restore_unrecovered. Locks flags for a moment.

CREATE TABLE restores (
  id                   text PRIMARY KEY,
  snapshot_at          timestamptz NOT NULL,
  backup_sha256        text NOT NULL,
  restored_by          text NOT NULL,
  restored_at          timestamptz NOT NULL DEFAULT now(),
  -- What realtime calls cost since the backup; null until it is booked.
  realtime_nano        bigint CHECK (realtime_nano >= 0),
  recovered_by         text,
  recovered_at         timestamptz,
  CHECK ((recovered_at IS NULL) = (recovered_by IS NULL)),
  CHECK (recovered_at IS NULL OR realtime_nano IS NOT NULL)
);
-- A backup taken before a recovery was finished brings its own marker, the older one, which stays the one that counts.
CREATE UNIQUE INDEX restores_open ON restores ((true)) WHERE recovered_at IS NULL;

CREATE FUNCTION guard_restore_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM restores WHERE recovered_at IS NULL) THEN
    RAISE EXCEPTION 'restored from a backup: only sluice recover lifts this stop' USING ERRCODE = 'SL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_restore_stop BEFORE UPDATE ON flags FOR EACH ROW
  WHEN (OLD.kind = 'stop' AND OLD.scope = 'global' AND OLD.lifted_at IS NULL AND NEW.lifted_at IS NOT NULL)
  EXECUTE FUNCTION guard_restore_stop();
