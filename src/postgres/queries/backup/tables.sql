-- The tables of our schema with their columns and the tables their foreign keys point to; others may have theirs beside them. The
-- list of migrations is not among them: a restore makes it anew.
--
-- rows: one per table
-- locks: none
-- index: the catalogue's
-- not null: name, columns, needs
SELECT c.relname::text AS name,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       ARRAY(SELECT DISTINCT r.relname::text FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
              WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS needs
  FROM pg_class c
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> 'sluice_migrations'
 ORDER BY c.relname
