import { expect, test } from "vitest";
import type { Simulator } from "../../src/simulator/server.ts";
import type { FaultRequest } from "../../src/simulator/faults.ts";
import { clientOf, errorOf, headers, lines, minuteMs, rowsOf, simulate } from "./support.ts";

const ended = async (
  count: number,
  options = {},
): Promise<{ simulator: Simulator; id: string; url: string }> => {
  const simulator = await simulate(options);
  const { id } = await clientOf(simulator).messages.batches.create({ requests: lines(count) });
  await simulator.advance(20 * minuteMs);
  return { simulator, id, url: `${simulator.url}/v1/messages/batches/${id}/results` };
};
const read = async (url: string): Promise<string> => (await fetch(url, { headers })).text();

test("rows come as application/x-jsonl in an order that depends on the seed only, and no Range is served", async () => {
  const first = await ended(40);
  const again = await ended(40);
  const other = await ended(40, { seed: 2 });
  const order = async (of: typeof first) =>
    (await rowsOf(clientOf(of.simulator), of.id)).map((row) => row.custom_id);
  const sent = lines(40).map((line) => line.custom_id);
  expect(await order(first)).toEqual(await order(again));
  expect(await order(first)).not.toEqual(await order(other));
  expect(await order(first)).not.toEqual(sent);
  expect((await order(first)).toSorted()).toEqual(sent.toSorted());
  const response = await fetch(first.url, { headers: { ...headers, range: "bytes=10-20" } });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-jsonl"]);
  expect((await response.text()).trimEnd().split("\n")).toHaveLength(40);
});

test("a download can be repeated and is the same every time", async () => {
  const { url } = await ended(30);
  expect(await read(url)).toBe(await read(url));
});

test("many rows are streamed in pieces that do not end with lines", async () => {
  const { url } = await ended(300);
  const pieces: Buffer[] = [];
  const { body } = await fetch(url, { headers });
  const reader = body?.getReader();
  let next = await reader?.read();
  while (next?.value !== undefined) {
    pieces.push(Buffer.from(next.value));
    // oxlint-disable-next-line no-await-in-loop -- a stream
    next = await reader?.read();
  }
  expect(pieces.length).toBeGreaterThan(2);
  expect(pieces.slice(0, -1).some((piece) => piece.at(-1) !== 0x0a)).toBe(true);
  expect(Buffer.concat(pieces).toString().trimEnd().split("\n")).toHaveLength(300);
});

test("tiny chunks cut through UTF-8 sequences and the SDK still reads every row", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const requests = lines(6, { messages: [{ role: "user", content: "Wo ist mein Geld für Übung 漢字 🙂?" }] });
  const { id } = await client.messages.batches.create({ requests });
  await simulator.advance(20 * minuteMs);
  simulator.addFault({ action: "tiny_chunks", params: { bytes: 3 } });
  const rows = await rowsOf(client, id);
  expect(rows).toHaveLength(6);
  expect(JSON.stringify(rows)).toContain("漢字 🙂");
});

test.each([
  ["cut mid line", { action: "cut_mid_line", params: { after: 4 } }, 4, "SyntaxError"],
  ["reset", { action: "reset_download", params: { after: 4 } }, 4, "TypeError"],
  ["blank line", { action: "blank_line", params: { row: 2 } }, 3, "SyntaxError"],
] as const)("a download that is spoiled (%s) fails in the SDK", async (_name, fault, rowsSeen, failure) => {
  const { simulator, id } = await ended(10);
  simulator.addFault(fault satisfies FaultRequest);
  const seen: string[] = [];
  const error = await errorOf(
    (async () => {
      for await (const row of await clientOf(simulator).messages.batches.results(id))
        seen.push(row.custom_id);
    })(),
  );
  expect([seen.length <= rowsSeen, error.name]).toEqual([true, failure]);
  expect(await rowsOf(clientOf(simulator), id)).toHaveLength(10);
});

test("a download cut at a line end looks complete: only the count tells", async () => {
  const { simulator, id } = await ended(10);
  simulator.addFault({ action: "cut_at_line_end", params: { after: 4 } });
  expect(await rowsOf(clientOf(simulator), id)).toHaveLength(4);
});

test("a stalled download never ends by itself", async () => {
  const { simulator, url } = await ended(10);
  simulator.addFault({ action: "stall_download", params: { after: 2 } });
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const reader = response.body?.getReader();
  const first = await reader?.read();
  expect(
    Buffer.from(first?.value ?? [])
      .toString()
      .trimEnd()
      .split("\n"),
  ).toHaveLength(2);
  const next = reader?.read();
  abort.abort();
  await expect(next).rejects.toThrow(/abort/);
});

test("a slow drip follows the virtual clock", async () => {
  const { simulator, url } = await ended(4);
  simulator.addFault({ action: "slow_drip", params: { bytes: 1_000, interval_ms: 60_000 } });
  const text = read(url);
  let finished = false;
  void text.then(() => (finished = true));
  simulator.world.clock.setRate(10_000);
  expect((await text).trimEnd().split("\n")).toHaveLength(4);
  expect(finished).toBe(true);
});

test("one huge line is still one row", async () => {
  const { simulator, id } = await ended(3);
  simulator.addFault({ action: "huge_line", params: { bytes: 300_000 } });
  expect(await rowsOf(clientOf(simulator), id)).toHaveLength(3);
});

test("all four kinds of row mix, errors nested twice, transient-looking ones among them", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  simulator.addFault({ action: "errored", match: { contains: '"line-1"' } });
  simulator.addFault({
    action: "errored",
    match: { contains: '"line-2"' },
    params: { status: 500, message: "Overloaded", worker: true },
  });
  simulator.addFault({ action: "errored", match: { contains: '"line-3"' }, params: { status: 504 } });
  simulator.addFault({ action: "canceled", match: { contains: '"line-4"' } });
  simulator.addFault({ action: "expired", match: { contains: '"line-5"' } });
  const { id } = await client.messages.batches.create({ requests: lines(7) });
  await simulator.advance(20 * minuteMs);
  const rows = Object.fromEntries((await rowsOf(client, id)).map((row) => [row.custom_id, row.result]));
  expect(rows["line-1"]).toEqual({
    type: "errored",
    error: { type: "error", error: { type: "overloaded_error", message: "Overloaded" }, request_id: null },
  });
  expect(rows["line-2"]).toMatchObject({
    error: {
      error: { type: "api_error", message: "Overloaded" },
      request_id: expect.stringMatching(/^workerreq_/),
    },
  });
  expect(rows["line-3"]).toMatchObject({ error: { error: { type: "timeout_error" } } });
  expect([rows["line-4"], rows["line-5"]]).toEqual([{ type: "canceled" }, { type: "expired" }]);
  const { request_counts: counts } = await client.messages.batches.retrieve(id);
  expect(counts).toEqual({ processing: 0, succeeded: 2, errored: 3, canceled: 1, expired: 1 });
});

test("shares of rows end otherwise, the same ones for the same seed", async () => {
  const shares = { refusal: 0.2, errored: 0.2, expired: 0.1, truncated: 0.1 };
  const kinds = async () => {
    const { simulator, id } = await ended(100, { shares });
    return (await rowsOf(clientOf(simulator), id)).map(
      (row) =>
        `${row.custom_id} ${row.result.type === "succeeded" ? String(row.result.message.stop_reason) : row.result.type}`,
    );
  };
  const first = await kinds();
  const count = (kind: string): number => first.filter((row) => row.endsWith(kind)).length;
  expect(await kinds()).toEqual(first);
  for (const kind of ["refusal", "errored", "expired", "max_tokens"]) expect(count(kind)).toBeGreaterThan(0);
  expect(count("end_turn")).toBeGreaterThan(20);
});
