-- The instant of the snapshot this transaction reads.
--
-- rows: 1
-- locks: none
-- index: none
-- not null: at
SELECT now() AS at
