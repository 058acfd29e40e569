// How jobs are treated: whose word counts for urgency, deadline and priority, and which lane follows from it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseLane, mayWait } from "../../src/domain/lane.ts";
import { chooseTreatment } from "../../src/intake/choose.ts";
import { intentLine, startApi, upload, type Json, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ SLUICE_BATCH_DEADLINE_MIN_MS: "7_200_000" });
});
afterAll(() => api.close());

const silent = {
  upload: {},
  jobType: { defaultUrgency: null, priority: null },
  queue: { defaultUrgency: null, defaultPriority: null },
  single: false,
} as const;
const soon = new Date("2030-01-01T00:00:00Z");

test.each([
  ["the line", { urgency: "now" }, { urgency: "whenever" }, "whenever", "whenever", "now"],
  ["then the upload", {}, { urgency: "now" }, "whenever", "whenever", "now"],
  ["then the job type", {}, {}, "now", "whenever", "now"],
  ["then the queue", {}, {}, null, "now", "now"],
  ["then whenever", {}, {}, null, null, "whenever"],
  ["null says nothing", { urgency: null }, { urgency: "now" }, null, null, "now"],
] as const)("urgency: %s", (_who, line, given, jobType, queue, expected) => {
  const defaults = {
    upload: given,
    jobType: { defaultUrgency: jobType, priority: null },
    queue: { defaultUrgency: queue, defaultPriority: null },
    single: false,
  };
  expect(chooseTreatment(line, defaults).urgency).toBe(expected);
});

test("a line that says when has said it: the upload's deadline does not come back", () => {
  const defaults = { ...silent, upload: { deadline: soon } };
  expect(chooseTreatment({}, defaults).deadlineAt).toEqual(soon);
  expect(chooseTreatment({ urgency: "now" }, defaults)).toMatchObject({ urgency: "now", deadlineAt: null });
  expect(chooseTreatment({ deadline: soon }, { ...silent, upload: { urgency: "now" } })).toMatchObject({
    urgency: "whenever",
    deadlineAt: soon,
  });
});

test("priority: line, upload, job type, queue, the middle", () => {
  const all = {
    ...silent,
    upload: { priority: 2 },
    jobType: { defaultUrgency: null, priority: 3 },
    queue: { defaultUrgency: null, defaultPriority: 4 },
  };
  expect(chooseTreatment({ priority: 0 }, all).priority).toBe(0);
  expect(chooseTreatment({}, all).priority).toBe(2);
  expect(chooseTreatment({}, { ...all, upload: {} }).priority).toBe(3);
  expect(chooseTreatment({}, { ...silent, queue: all.queue }).priority).toBe(4);
  expect(chooseTreatment({}, silent).priority).toBe(5);
});

test.each([
  ["now", null, true, "realtime"],
  ["whenever", null, true, "batch"],
  ["whenever", null, false, "realtime"],
  ["now", 7_200_000, true, "batch"],
  ["whenever", 7_199_999, true, "realtime"],
  ["whenever", -1, true, "realtime"],
  ["whenever", 7_200_000, false, "realtime"],
] as const)("lane: urgency %s, deadline in %s ms, batchable %s: %s", (urgency, inMs, batchable, lane) => {
  const now = new Date("2027-01-01T00:00:00Z");
  const deadlineAt = inMs === null ? null : new Date(now.getTime() + inMs);
  expect(chooseLane({ urgency, deadlineAt, now, batchDeadlineMinMs: 7_200_000, batchable })).toBe(lane);
});

test.each([
  ["realtime by a default", {}, true],
  ["its own line said when", { choseItself: true }, false],
  ["a deadline put it there", { deadlineAt: soon }, false],
  ["no message batch may carry it", { batchable: false }, false],
  ["it is in the batch lane already", { lane: "batch" }, false],
] as const)("may go to the batch lane where a ceiling says so: %s", (_why, more, expected) => {
  const job = { lane: "realtime", batchable: true, deadlineAt: null, choseItself: false } as const;
  expect(mayWait({ ...job, ...more })).toBe(expected);
});

test("who chose when a job runs is written down with it", async () => {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const lines = [
    intentLine("a"),
    intentLine("b", { urgency: "now" }),
    intentLine("c", { deadline: inAnHour }),
    intentLine("d", { urgency: "whenever" }),
  ];
  const bulk = await api.json(202, "/v1/bulks?type=classify-intent&urgency=now", upload(lines));
  const single = { type: "classify-intent", input: intentLine("e").input };
  const { bulk: alone } = await api.json(202, "/v1/jobs", { json: single });
  const { rows } = await api.pool.query(
    "SELECT lane, may_wait FROM jobs WHERE bulk_id = ANY ($1) ORDER BY bulk_id, line",
    [[bulk.id, alone]],
  );
  expect(rows).toEqual([
    { lane: "realtime", may_wait: true },
    { lane: "realtime", may_wait: false },
    { lane: "realtime", may_wait: false },
    { lane: "batch", may_wait: false },
    { lane: "realtime", may_wait: false },
  ]);
});

test("an upload is treated line by line", async () => {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const tomorrow = "2090-01-31t17:00:00+02:00";
  await api.json(201, "/v1/queues/slow", {
    method: "PUT",
    json: { default_urgency: "now", default_priority: 7 },
  });
  const lines = [
    intentLine("a"),
    intentLine("b", { urgency: "now" }),
    intentLine("c", { deadline: inAnHour }),
    intentLine("d", { deadline: tomorrow, urgency: "now", priority: 9 }),
  ];
  const bulk = await api.json(202, "/v1/bulks?type=classify-intent&queue=slow", upload(lines));
  const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`);
  expect(jobs.map((job: Json) => [job.lane, job.urgency, job.deadline, job.priority])).toEqual([
    ["batch", "whenever", null, 7],
    ["realtime", "now", null, 7],
    ["realtime", "whenever", inAnHour, 7],
    ["batch", "now", "2090-01-31T15:00:00.000Z", 9],
  ]);
});

test("one job runs now unless its request says otherwise", async () => {
  const json = { type: "classify-intent", input: intentLine("x").input, key: "k", labels: { team: "a" } };
  const lanes = await Promise.all(
    [{}, { urgency: "whenever" }].map(async (more) => {
      const { id } = await api.json(202, "/v1/jobs", { json: { ...json, ...more } });
      return api.json(200, `/v1/jobs/${id}`);
    }),
  );
  expect(lanes.map((job: Json) => job.lane)).toEqual(["realtime", "batch"]);
  expect(lanes[0]).toMatchObject({
    key: "k",
    labels: { team: "a" },
    state: "queued",
    attempts: [],
    output: null,
  });
  const bulk = await api.json(200, `/v1/bulks/${lanes[0].bulk}`);
  expect(bulk).toMatchObject({ single: true, accepted: 1 });
});

test("queue limits reach the job: attempts and age", async () => {
  const limits = { attempts_max: 2, job_age_max_s: 3_600 };
  await api.json(201, "/v1/queues/strict", { method: "PUT", json: { limits } });
  const bulk = await api.json(202, "/v1/bulks?type=classify-intent&queue=strict", upload([intentLine("x")]));
  const { jobs } = await api.json(200, `/v1/jobs?bulk=${bulk.id}`);
  const job = await api.json(200, `/v1/jobs/${jobs[0].id}`);
  expect(job.attempts_max).toBe(2);
  const ageMs = new Date(job.expires_at).getTime() - Date.now();
  expect(Math.abs(ageMs - 3_600_000)).toBeLessThan(60_000);
});
