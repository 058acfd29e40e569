-- Writes one act of a person into the audit chain.
--
-- $1 tenant_id text  $2 actor text  $3 act text  $4 subject_kind text  $5 subject_id text  $6 detail text (JSON)
-- rows: 1
-- locks: the chain's advisory lock until the transaction ends
-- index: audit_events_pkey
-- not null: id
SELECT append_audit($1::text, $2::text, $3::text, $4::text, $5::text, $6::text::jsonb) AS id
