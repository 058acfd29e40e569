-- Where our sequences stand. They are not part of a snapshot; read after its rows, they are at or above every number in them.
--
-- rows: one per sequence that was used
-- locks: none
-- index: the catalogue's
-- not null: name, last_value
SELECT s.sequencename::text AS name, s.last_value::bigint AS last_value
  FROM pg_sequences s WHERE s.schemaname = current_schema() AND s.last_value IS NOT NULL
 ORDER BY s.sequencename
