-- Sets the marker of a restore, unless the backup brought one that is still open.
--
-- $1 id text  $2 snapshot_at timestamptz  $3 backup_sha256 text  $4 restored_by text
-- rows: none
-- locks: none beyond the new row
-- index: restores_open
INSERT INTO restores (id, snapshot_at, backup_sha256, restored_by) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
