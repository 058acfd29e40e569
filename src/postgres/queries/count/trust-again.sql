-- Begins anew with the counts of a model: on, without samples, with this margin. Its counts are used once enough bills agree again.
--
-- $1 model text  $2 margin_bp integer
-- rows: 0 or 1
-- locks: the row
-- index: count_trust_pkey
UPDATE count_trust
   SET margin_bp = $2::integer, samples = 0, worst_bp = 0, since = now(), off_at = NULL, off_reason = NULL, told_at = NULL
 WHERE model = $1::text
RETURNING model
