// What the service refuses is told in options and arguments, as it was typed; names that belong to the caller's own lines stay.
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { openAnswering, type Answering } from "./answering.ts";
import { run } from "./cli.ts";

let service: Answering;
beforeAll(async () => {
  service = await openAnswering();
});
afterAll(() => service.close());

const problem = (code: string, errors: readonly object[], more: object = {}) => ({
  status: 400,
  title: "It is not valid.",
  hint: "As the service says it.",
  code,
  errors,
  ...more,
});
const refused = async (argv: string[], name: string, answer: object, stdin = "") => {
  service.answer({ [name]: answer });
  const ran = await run(argv, { environment: service.environment, stdin });
  expect(ran).toMatchObject({ code: exitCodes.refused, stdout: "" });
  return ran.stderr;
};

test("fields of a body are told as the options and arguments they came from", async () => {
  const argv = ["budget", "create", "queue", "--limit-usd", "5", "--window", "day"];
  const errors = [
    { field: "target", reason: "is required for this scope" },
    { field: "limit_usd", reason: "must be dollars" },
    { field: "approve_above_usd", reason: "is of nothing that was typed" },
  ];
  expect(await refused(argv, "POST /v1/budgets", problem("invalid_input", errors))).toBe(
    [
      "error: It is not valid.",
      "  TARGET is required for this scope",
      "  --limit-usd must be dollars",
      "  approve_above_usd is of nothing that was typed",
      "Correct what is named above; --help shows what the command takes. (invalid_input)\n",
    ].join("\n"),
  );
});

test.each([
  ["default_type", "--type"],
  ["limits.attempts_max", "--attempts-max"],
  ["Sluice-Tenant", "--tenant"],
  ["?shared", "--shared"],
])("%s of a queue is told as %s", async (field, option) => {
  const answer = problem("invalid_input", [{ field, reason: "is wrong" }]);
  expect(await refused(["queue", "set", "q"], "PUT /v1/queues/q", answer)).toContain(
    `\n  ${option} is wrong\n`,
  );
});

test("lines of an upload keep the names they have there; caps and hints are told as options", async () => {
  const errors = [
    { line: 2, field: "input.type", reason: "is required" },
    { field: "caps.attempts_max", reason: "must be at most 3 here" },
  ];
  const answer = problem("invalid_lines", errors, { hint: "Or send with on_invalid=skip to accept others." });
  const told = await refused(["submit", "-"], "POST /v1/bulks", answer, "{}\n");
  expect(told).toContain(
    "\n  line 2: input.type is required\n  --cap attempts_max must be at most 3 here\nOr send with --on-invalid skip to accept others. (invalid_lines)\n",
  );
});

test("what the catalogue says of requests is said of commands", async () => {
  const nowhere = problem("queue_not_found", [], { status: 404 });
  expect(await refused(["pause", "q", "--reason", "x"], "POST /v1/queues/q/pause", nowhere)).toContain(
    "sluice queue list",
  );
  const key = problem("unauthorized", [], { status: 401 });
  expect(await refused(["queue", "list"], "GET /v1/queues", key)).toContain("Set SLUICE_KEY");
});
