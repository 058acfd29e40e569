-- How many realtime jobs are dispatched and due, and how many wait in the queue for their time.
--
-- rows: 1
-- locks: none
-- index: jobs_unclaimed
-- not null: due, delayed
SELECT count(*) FILTER (WHERE not_before IS NULL OR not_before <= now())::integer AS due,
       count(*) FILTER (WHERE not_before > now())::integer AS delayed
  FROM jobs WHERE state = 'dispatched' AND lane = 'realtime'
