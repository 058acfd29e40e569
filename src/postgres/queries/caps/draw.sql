-- Takes what further attempts need from what is left to their bulks. A bulk without such a cap stays as it is.
--
-- $1 bulk_id text[]  $2 attempts bigint[]  $3 tokens bigint[]
-- rows: none
-- locks: bulks (held by the caller's transaction already)
-- index: bulks_pkey
UPDATE bulks b
   SET attempts_left = b.attempts_left - d.attempts, tokens_left = b.tokens_left - d.tokens
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS d(bulk_id, attempts, tokens)
 WHERE b.id = d.bulk_id
