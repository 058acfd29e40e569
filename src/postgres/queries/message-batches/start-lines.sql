-- Lines whose message batch is known to the provider are running.
--
-- $1 message_batch_id text
-- rows: none
-- locks: the jobs changed
-- index: jobs_in_batch
UPDATE jobs SET state = 'running' WHERE message_batch_id = $1 AND state = 'dispatched'
