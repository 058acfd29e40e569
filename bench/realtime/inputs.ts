// The same questions and the same requests for both sides.

import { loadJobTypes } from "../../src/config/job-types.ts";

export const labels = [
  "card_arrival",
  "card_lost",
  "change_pin",
  "exchange_rate",
  "refund",
  "top_up_failed",
  "transfer_pending",
  "verify_identity",
];

export const inputsOf = (jobs: number): Record<string, unknown>[] =>
  Array.from({ length: jobs }, (_, n) => ({
    text: `I am still waiting on my card number ${n}, when will it arrive?`,
  }));

/** The Messages parameters of those inputs, as objects. */
export async function requestsOf(jobs: number): Promise<Record<string, unknown>[]> {
  const prepared = (await loadJobTypes({ dirs: [] })).get("classify-intent")?.prepare({ labels });
  return inputsOf(jobs).map((input) => {
    const checked = prepared?.check(input);
    if (checked?.ok !== true) throw new Error("the benchmark's own input was refused");
    return JSON.parse(checked.request.params) as Record<string, unknown>;
  });
}
