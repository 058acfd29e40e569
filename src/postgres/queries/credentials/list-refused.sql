-- The models that are held back, with the credential that may not use them.
--
-- rows: many, a handful
-- locks: none
-- index: refused_models_pkey, credentials_pkey
SELECT m.model, m.credential_id, c.name AS credential_name, m.since, m.refused_at, m.probed_at
  FROM refused_models m JOIN credentials c ON c.id = m.credential_id
 ORDER BY m.since, m.model
