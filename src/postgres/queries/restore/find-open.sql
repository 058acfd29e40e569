-- The marker of a restore that is not recovered yet.
--
-- rows: 0 or 1
-- locks: none
-- index: restores_open
SELECT id, snapshot_at, restored_at, realtime_nano FROM restores WHERE recovered_at IS NULL
