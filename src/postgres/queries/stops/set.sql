-- Sets a stop with its audit event; one that is open for this scope and target becomes as hard as is asked for.
--
-- $1 id text (used if it is new)  $2 tenant_id text  $3 scope text  $4 target text  $5 mode text  $6 reason text  $7 actor text
-- rows: 0 or 1; none if one as hard as that is open already
-- locks: the flag, the audit chain, then flag_version, until the end of the statement
-- index: flags_open
-- not null: stop_id, audit_id
SELECT stop_id, audit_id FROM set_stop($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text)
