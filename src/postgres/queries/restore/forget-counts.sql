-- What a backup knows of the provider's counts may have been refuted since: they begin anew, without samples.
--
-- rows: none
-- locks: count_trust
-- index: none
UPDATE count_trust SET samples = 0, worst_bp = 0, since = now() WHERE samples > 0
