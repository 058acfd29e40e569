-- For each way in which jobs of a bulk can be charged, the smallest bounds among them: none of them can cost less at worst.
--
-- $1 bulk_id text
-- rows: one per model, lane and traits
-- locks: none
-- index: jobs_by_line
-- not null: model, lane, cache_write, may_run_in_us, web_searches_max, input_tokens_max, output_tokens_max
SELECT model, lane, cache_write, may_run_in_us, web_searches_max, min(input_tokens_max) AS input_tokens_max, min(output_tokens_max) AS output_tokens_max
  FROM jobs
 WHERE bulk_id = $1::text
 GROUP BY model, lane, cache_write, may_run_in_us, web_searches_max
