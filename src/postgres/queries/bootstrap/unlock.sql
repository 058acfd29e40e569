-- Gives the lock of bootstrap/lock back.
--
-- rows: 1
-- locks: none
-- index: none
SELECT pg_advisory_unlock(7420002)
