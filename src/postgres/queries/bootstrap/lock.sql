-- Lets one process at a time set the database up; the others wait. Ends with the session or bootstrap/unlock.
--
-- rows: 1
-- locks: an advisory lock of the session
-- index: none
SELECT pg_advisory_lock(7420002)
