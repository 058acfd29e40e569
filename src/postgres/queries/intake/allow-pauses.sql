-- Lets the transaction of an upload wait for its caller: between two chunks a slow network may take minutes. Reading the body
-- has its own idle timeout, so nothing waits for ever.
--
-- $1 timeout_ms text
-- rows: 1
-- locks: none
-- index: none
SELECT set_config('idle_in_transaction_session_timeout', $1::text, true)
