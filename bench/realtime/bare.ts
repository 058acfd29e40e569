// The other side of the realtime benchmark: what a team writes without Sluice. A BullMQ worker that calls the SDK and inserts one
// row. No claim, no ceiling, no record of the attempt. Its jobs are in the queue before the clock starts.

import Anthropic from "@anthropic-ai/sdk";
import { Queue, Worker, createPostgresBackend } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import { answerRequests } from "../children.ts";
import { requestsOf } from "./inputs.ts";

const {
  REDIS_URL: redisUrl,
  DATABASE_URL: databaseUrl = "",
  SLUICE_PROVIDER_URL: baseURL = "",
} = process.env;
const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
await pool.query("CREATE TABLE IF NOT EXISTS bare_results (id text PRIMARY KEY, answer jsonb NOT NULL)");
const client = new Anthropic({ apiKey: "bench", baseURL });

const onRedis = redisUrl !== undefined;
const settings = onRedis
  ? { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }), prefix: "bare" }
  : { connection: { connectionString: databaseUrl, schema: "bullmq", migrate: true, max: 10 } };
const backend = onRedis ? [] : [createPostgresBackend];
const queue = new Queue("bare", settings, ...(backend as []));
await queue.waitUntilReady();
let left = 0;
let finished: () => void = () => undefined;

answerRequests(
  async ({ jobs }) => {
    const requests = await requestsOf(Number(jobs));
    await queue.pause();
    for (let from = 0; from < requests.length; from += 500)
      await queue.addBulk(
        requests
          .slice(from, from + 500)
          .map((data) => ({ name: "call", data, opts: { removeOnComplete: 1_000, removeOnFail: 1_000 } })),
      );
    left = requests.length;
    const done = new Promise<void>((resolve) => (finished = resolve));
    const worker = new Worker(
      "bare",
      async (job) => {
        const message = await client.messages.create(job.data as Anthropic.MessageCreateParamsNonStreaming);
        await pool.query("INSERT INTO bare_results (id, answer) VALUES ($1, $2)", [
          `${job.id}-${job.timestamp}`,
          JSON.stringify(message),
        ]);
        left -= 1;
        if (left === 0) finished();
      },
      { ...settings, concurrency: 50 },
      ...(backend as []),
    );
    worker.on("error", (error) => console.error(error));
    await worker.waitUntilReady();
    const startedAt = performance.now();
    await queue.resume();
    await done;
    const ms = performance.now() - startedAt;
    await worker.close();
    return { ms };
  },
  async () => {
    await queue.close();
    await pool.end();
  },
);
