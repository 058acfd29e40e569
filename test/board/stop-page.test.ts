// The page with the one button: who may press it, from where, and what it shows.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { openBoard, type TestBoard, type Visitor } from "./browser.ts";

let board: TestBoard;
beforeAll(async () => {
  board = await openBoard("redis");
});
afterEach(() =>
  board.pool.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL"),
);
afterAll(() => board.close());

async function visitor(scopes: Parameters<TestBoard["key"]>[0]): Promise<Visitor> {
  const one = board.visit();
  expect((await one.signIn((await board.key(scopes)).secret)).status).toBe(303);
  return one;
}
const press = (one: Visitor, reason: string, headers: Record<string, string> = { origin: board.url }) =>
  one.send("POST", "/admin/stop", {
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams({ reason }).toString(),
  });
const isStopped = (): boolean => board.member.flags.find("stop", "global", "") !== undefined;

test("one press and a reason stop everything, and the page follows it until it is complete", async () => {
  const one = await visitor(["operate"]);
  const before = await one.get("/admin/stop");
  expect(before.text).toContain("Stop everything now");
  expect(before.text).toContain("Nothing is stopped.");
  await board.pool.query(
    "INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ('frozen', 'elsewhere', 7, '{worker}', now() + interval '1 hour')",
  );
  const pressed = await press(one, "<b>the bill</b> is too high");
  expect(pressed.status).toBe(303);
  const path = pressed.headers.get("location") ?? "";
  await waitFor("the stop", isStopped);
  expect(board.member.flags.find("stop", "global", "")).toMatchObject({
    mode: "abort_and_cancel",
    setBy: "person:ada",
  });
  const receipt = await one.get(path);
  expect(receipt.text).toContain("&lt;b&gt;the bill&lt;/b&gt; is too high");
  expect(receipt.text).toContain("May still be billed");
  expect(receipt.headers.get("refresh")).toBe("2");
  expect(receipt.text).toContain("of 2 processes have not confirmed yet");
  await board.pool.query("DELETE FROM processes WHERE id = 'frozen'");
  const done = await waitFor("the page to say that it is complete", async () => {
    // Nobody with upkeep runs here; pressing again does what it would.
    await press(one, "again");
    const page = await one.get(path);
    return page.text.includes("Nothing of it starts any more") ? page : null;
  });
  expect(done.headers.get("refresh")).toBeNull();
  const after = await one.get("/admin/stop");
  expect(after.text).toContain("Everything is stopped");
  expect(after.text).not.toContain("Stop everything now");
});

test("it does not stop anything without a reason, for a key that may only look, or from another site", async () => {
  const operator = await visitor(["operate"]);
  expect(await press(operator, " \n ")).toMatchObject({ status: 400 });
  const reader = await visitor(["read"]);
  expect((await reader.get("/admin/stop")).text).not.toContain("Stop everything now");
  expect((await press(reader, "test")).status).toBe(403);
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site", origin: board.url },
  ];
  const answers = await Promise.all(foreign.map((headers) => press(operator, "test", headers)));
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
  expect((await press(board.visit(), "test")).status).toBe(401);
  const { rows } = await board.pool.query("SELECT 1 FROM flags WHERE lifted_at IS NULL");
  expect(rows).toEqual([]);
});

test("it is behind the sign-in, linked from Bull Board, and knows nothing under other ids", async () => {
  const away = await board.visit().get("/admin/stop");
  expect(away.headers.get("location")).toBe("/admin/sign-in?next=%2Fadmin%2Fstop");
  const one = await visitor(["read"]);
  expect((await one.get("/admin/queues/")).text).toContain('"url":"/admin/stop"');
  expect((await one.get("/admin/stop/01jzzzzzzzzzzzzzzzzzzzzzzz")).status).toBe(404);
  expect((await one.get("/admin/stop/nonsense")).status).toBe(404);
});
