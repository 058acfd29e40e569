// Status: how long callers wait for `GET /v1/bulks/{id}` and `GET /v1/queues` while a million jobs wait and the service works
// through them as fast as it can. The figure is the slower of the two.

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { BenchContext } from "./figures.ts";
import { openBenchInstallation } from "./installation.ts";
import { cycled, writeUpload } from "./lines.ts";
import { quantile } from "./median.ts";

const bulks = 5;
const linesPerBulk = 220_000;
const waitingMin = 1_000_000;
const measureMs = 20_000;
/** Until the first results are stored: dozens of message batches are created before the first one is polled. */
const firstResultsMs = 120_000;
const callEveryMs = 40;

export interface StatusFigures {
  p95Ms: number;
  rssMb: number | null;
}

interface QueuesView {
  queues: { name: string; backlog: { total: number } }[];
}

export async function measureStatus({
  stores,
  backend,
  questions,
  say,
}: BenchContext): Promise<StatusFigures> {
  const { labels } = questions;
  const file = await writeUpload(join(stores.dir, "million.ndjson"), {
    lines: linesPerBulk,
    labels,
    textOf: cycled(questions),
  });
  const installation = await openBenchInstallation(stores, backend);
  try {
    await installation.call("POST", "/v1/queues/default/pause", { reason: "filling the queue" });
    const ids: string[] = [];
    for (let bulk = 0; bulk < bulks; bulk += 1) ids.push((await installation.upload(file)).id);
    const backlog = async (): Promise<number> => {
      const { queues } = await installation.call<QueuesView>("GET", "/v1/queues");
      return queues.find(({ name }) => name === "default")?.backlog.total ?? 0;
    };
    const before = await backlog();
    say(`status: ${before} jobs wait`);
    await installation.call("POST", "/v1/queues/default/resume", {});
    const givenUpAt = performance.now() + firstResultsMs;
    while ((await backlog()) === before) {
      if (performance.now() > givenUpAt) throw new Error("nothing is drained");
      await pause(1_000);
    }
    const bulkMs: number[] = [];
    const queuesMs: number[] = [];
    const until = performance.now() + measureMs;
    for (let call = 0; performance.now() < until; call += 1) {
      bulkMs.push(await timed(() => installation.call("GET", `/v1/bulks/${ids[call % bulks] ?? ""}`)));
      queuesMs.push(await timed(() => installation.call("GET", "/v1/queues")));
      await pause(callEveryMs);
    }
    const after = await backlog();
    if (after < waitingMin || after >= before)
      throw new Error(`${after} of ${before} jobs waited at the end`);
    const [bulkP95, queuesP95] = [quantile(bulkMs, 0.95), quantile(queuesMs, 0.95)];
    say(
      `status: p95 ${bulkP95.toFixed(1)} ms for a bulk, ${queuesP95.toFixed(1)} ms for the queues; ${before - after} jobs drained meanwhile`,
    );
    return { p95Ms: Math.max(bulkP95, queuesP95), rssMb: installation.peakMb() };
  } finally {
    await installation.close();
  }
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await call();
  return performance.now() - startedAt;
}
