// The request that asks the provider to count another: the parts of a Messages request that make its prompt, and nothing else. What
// the endpoint does not take (server tools, content fetched by URL, stored files) has no bound by bytes either, and is found alike.

import { inspectContent } from "./bound.ts";
import { parseRecord } from "./json-value.ts";

const counted = new Set([
  "model",
  "system",
  "messages",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "cache_control",
]);

/** The body to send, JSON text; null for a request that the provider does not count. */
export function countRequest(params: string): string | null {
  const record = parseRecord(params);
  if (inspectContent(record).unbounded.length > 0) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(record).filter(([name]) => counted.has(name))));
}
