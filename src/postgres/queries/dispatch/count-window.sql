-- How many realtime jobs are dispatched and due, how many wait in the queue for their time, and how many calls have ended with a bill
-- since the last look: what was given back or requeued has left the window and was no work done.
--
-- $1 after bigint | null (the newest ledger entry of the last look; null: count from now on)
-- rows: 1
-- locks: none
-- index: jobs_unclaimed, ledger_pkey
-- not null: due, delayed, ended, newest
SELECT w.due, w.delayed, e.ended, coalesce(e.newest, $1::bigint, s.newest, 0)::bigint AS newest
  FROM (SELECT count(*) FILTER (WHERE not_before IS NULL OR not_before <= now())::integer AS due,
               count(*) FILTER (WHERE not_before > now())::integer AS delayed
          FROM jobs WHERE state = 'dispatched' AND lane = 'realtime') w
 CROSS JOIN (SELECT max(id) AS newest FROM ledger WHERE $1::bigint IS NULL) s
 CROSS JOIN LATERAL (
   SELECT count(*) FILTER (WHERE l.lane = 'realtime' AND l.kind <> 'correction')::integer AS ended, max(l.id) AS newest
     FROM ledger l WHERE l.id > coalesce($1::bigint, s.newest, 0)
 ) e
