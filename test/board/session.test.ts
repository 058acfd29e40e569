// Who gets in, who may act, and what the pages show.
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { html } from "../../src/http/board/html.ts";
import { sessionSecret } from "../../src/http/board/session.ts";
import { runJob, seedBulk, seedTenant } from "../control/seed.ts";
import { ManualClock } from "../support/clock.ts";
import { openBoard, type TestBoard } from "./browser.ts";

let board: TestBoard;
const clock = new ManualClock(new Date());

beforeAll(async () => {
  board = await openBoard("redis", { clock });
});
afterAll(() => board.close());

const visitor = async (scopes: Parameters<TestBoard["key"]>[0]) => {
  clock.advanceMs(60_000);
  const one = board.visit();
  const key = await board.key(scopes);
  expect((await one.signIn(key.secret)).status).toBe(303);
  return { one, key };
};

test("nobody sees anything without signing in", async () => {
  const stranger = board.visit();
  const answer = await stranger.get("/admin/queues/queue/realtime");
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/admin/sign-in?next=%2Fadmin%2Fqueues%2Fqueue%2Frealtime");
  expect(
    (await stranger.send("GET", "/admin/queues/api/queues", { headers: { accept: "application/json" } }))
      .status,
  ).toBe(401);
  expect((await stranger.press("PUT", "/api/queues/pause")).status).toBe(401);
  expect(board.member.flags.find("pause", "global", "")).toBeUndefined();
  expect((await stranger.get("/admin/sign-in")).text).toContain("SIMULATED");
});

test("only keys of the installation that may read sign in", async () => {
  const tenantKey = await board.key(["admin"], await seedTenant(board.pool));
  const submitKey = await board.key(["submit"]);
  const secrets = [tenantKey.secret, submitKey.secret, `slk_${"x".repeat(43)}`, "", "' OR 1=1"];
  const answers = await Promise.all(secrets.map((secret) => board.visit().signIn(secret)));
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
  expect(answers.flatMap(({ setCookie }) => setCookie)).toEqual([]);
});

test("the cookie is for this site only and unreadable to scripts; the way back leads to our own pages only", async () => {
  clock.advanceMs(60_000);
  const { secret } = await board.key(["read"]);
  const answer = await board.visit().signIn(secret, "/admin/bulks/abc?after=50");
  expect(answer.headers.get("location")).toBe("/admin/bulks/abc?after=50");
  for (const cookie of answer.setCookie) expect(cookie).toMatch(/path=\/admin.*samesite=strict.*httponly/i);
  expect(answer.setCookie).toHaveLength(2);
  const away = ["https://evil.example/admin/", "//evil.example", "/admin/../v1/keys", "/admin\\evil"];
  const answers = await Promise.all(away.map((next) => board.visit().signIn(secret, next)));
  expect(answers.map(({ headers }) => headers.get("location"))).toEqual(away.map(() => "/admin/queues"));
});

test("guessing is slowed down to ten tries a minute", async () => {
  clock.advanceMs(60_000);
  const guess = () => board.visit().signIn(`slk_${"x".repeat(43)}`);
  const answers = await Promise.all(Array.from({ length: 12 }, guess));
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
  const { secret } = await board.key(["admin"]);
  expect((await board.visit().signIn(secret)).status).toBe(429);
  clock.advanceMs(60_000);
  expect((await board.visit().signIn(secret)).status).toBe(303);
});

test("a key that may only read looks and does not act", async () => {
  const { one } = await visitor(["read"]);
  expect((await one.get("/admin/queues/api/queues")).status).toBe(200);
  expect(await one.press("PUT", "/api/queues/pause")).toMatchObject({
    status: 403,
    body: { message: expect.stringContaining("operate") },
  });
  expect(board.member.flags.find("pause", "global", "")).toBeUndefined();
});

test("a request that another site sends is refused", async () => {
  const { one } = await visitor(["operate"]);
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site", origin: board.url },
    { "sec-fetch-site": "same-site" },
  ];
  const answers = await Promise.all(
    foreign.map((headers) => one.send("PUT", "/admin/queues/api/queues/pause", { headers })),
  );
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
  expect(board.member.flags.find("pause", "global", "")).toBeUndefined();
});

test("a session ends with its key, with its time, with a changed cookie and with signing out", async () => {
  const { one, key } = await visitor(["read"]);
  const look = async () => (await one.get("/admin/queues/api/queues")).status;
  expect(await look()).toBe(200);
  const forged = board.visit();
  const [name = "", signature = ""] = one.cookie.split("; ");
  expect(
    (
      await forged.send("GET", "/admin/queues/api/queues", {
        headers: { cookie: `${name.slice(0, -2)}AA; ${signature}` },
      })
    ).status,
  ).not.toBe(200);
  await board.pool.query("UPDATE api_keys SET revoked_at = now(), revoked_by = 'test' WHERE id = $1", [
    key.id,
  ]);
  expect(await look()).toBe(303);
  const { one: two } = await visitor(["read"]);
  clock.advanceMs(12 * 3_600_000 + 1);
  expect((await two.get("/admin/queues/api/queues")).status).toBe(303);
  const { one: three } = await visitor(["read"]);
  await three.send("POST", "/admin/sign-out");
  expect((await three.get("/admin/queues/api/queues")).status).toBe(303);
});

test("the pages show ids, states and money, escape what people named, and know nothing under other ids", async () => {
  const { one } = await visitor(["read"]);
  const bulk = await seedBulk(board.pool, { jobs: 60 });
  const jobId = bulk.jobIds[0] ?? "";
  await runJob(board.pool, jobId, "p1", 2_500_000n);
  await board.pool.query("INSERT INTO job_inputs (job_id, tenant_id, input) VALUES ($1, $2, $3)", [
    jobId,
    bulk.tenantId,
    '"Jane Doe"',
  ]);
  await board.pool.query("UPDATE bulks SET created_by = '<script>alert(1)</script>' WHERE id = $1", [
    bulk.bulkId,
  ]);
  const [bulkPage, nextPage, jobPage] = await Promise.all([
    one.get(`/admin/bulks/${bulk.bulkId}`),
    one.get(`/admin/bulks/${bulk.bulkId}?after=50`),
    one.get(`/admin/jobs/${jobId}`),
  ]);
  expect(bulkPage.text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(bulkPage.text).toContain(`/admin/jobs/${jobId}`);
  expect(bulkPage.text).toContain("?after=50");
  expect(nextPage.text).toContain(bulk.jobIds[59]);
  expect(nextPage.text).not.toContain(jobId);
  for (const expected of ["running", "classify-intent", "$0.0025", bulk.bulkId, "SIMULATED", "person:ada"])
    expect(jobPage.text).toContain(expected);
  expect(jobPage.text).not.toContain("Jane");
  expect(bulkPage.headers.get("content-security-policy")).toContain("default-src 'self'");
  const unknown = await Promise.all(
    ["jobs", "bulks", "message-batches"].map((kind) => one.get(`/admin/${kind}/01jzzzzzzzzzzzzzzzzzzzzzzz`)),
  );
  expect(unknown.map(({ status }) => status)).toEqual([404, 404, 404]);
  expect((await one.get("/admin/jobs/nonsense")).status).toBe(404);
});

test("Bull Board itself is served, says that it is simulated, and its files arrive", async () => {
  const { one } = await visitor(["read"]);
  const entry = await one.get("/admin/queues/");
  expect(entry.status).toBe(200);
  expect(entry.text).toContain('"boardTitle":"Sluice"');
  expect(entry.text).toContain('"label":"SIMULATED"');
  const script = /static\/js\/main\.[^"]+/.exec(entry.text)?.[0] ?? "";
  expect((await one.get(`/admin/queues/${script}`)).status).toBe(200);
});

test("the secret is made once, readable by its owner only, and the same for every process", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-session-"));
  const made = await Promise.all([1, 2, 3].map(() => sessionSecret(undefined, dataDir)));
  expect(new Set(made).size).toBe(1);
  expect((await stat(join(dataDir, "session-secret"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(dataDir, "session-secret"), "utf8")).toBe(made[0]);
  expect(await sessionSecret("configured", dataDir)).toBe("configured");
  await rm(dataDir, { recursive: true });
});

test("markup escapes every value but markup", () => {
  expect(html`<b>${`<i>"'&`}</b>${html`<u>${1n}</u>`}${[html`<s>a</s>`, html`b`]}`.text).toBe(
    "<b>&lt;i&gt;&quot;&#39;&amp;</b><u>1</u><s>a</s>b",
  );
});
