// The work of a run: lines of an upload, from the sample tickets or from a file of one's own.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { intents } from "../../samples/phrases.ts";
import { sampleTickets } from "../../samples/tickets.ts";
import type { DemoOptions } from "./options.ts";

export interface Work {
  /** Given once for the whole bulk, as the upload's first line. */
  readonly shared: Readonly<Record<string, unknown>> | null;
  readonly lines: readonly WorkLine[];
  /** How the work was found, for the screen. */
  readonly notes: readonly string[];
}

interface WorkLine {
  readonly key: string;
  readonly urgency: "now" | "whenever";
  readonly input: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly key: string;
  readonly text: string;
  /** Its label, if the input has one. */
  readonly label: string | null;
}

/** One line in this many is wanted at once, beginning with the last of the first ten. */
const realtimeEvery = 10;
const labelFields = ["intent", "label", "category"] as const;
/** classify-intent takes 2 to 500 labels. */
const labelsMin = 2;
const labelsMax = 500;

/** The lines to submit. Throws with a sentence for people if the input cannot be used. */
export async function prepareWork(options: DemoOptions, count: number): Promise<Work> {
  const rows =
    options.input === undefined ? sampleRows(count) : await fileRows(options.input, options.textField, count);
  const notes = [
    options.input === undefined
      ? `${rows.length} sample tickets of an invented shop`
      : `${rows.length} rows of ${options.input}, text from "${options.textField}"`,
  ];
  if (rows.length < count) notes.push(`${count} were asked for, the file has no more`);
  const labels = options.type === "classify-intent" ? labelsOf(options, rows, notes) : null;
  const lines = rows.map(({ key, text }, index): WorkLine => ({
    key,
    urgency: index % realtimeEvery === realtimeEvery - 1 ? "now" : "whenever",
    input: inputFor(options.type, text),
  }));
  return { shared: labels === null ? sharedFor(options.type) : { labels }, lines, notes };
}

/** The upload as NDJSON text. */
export function uploadText({ shared, lines }: Pick<Work, "shared" | "lines">): string {
  const all = shared === null ? lines : [{ shared }, ...lines];
  return `${all.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

function sampleRows(count: number): Row[] {
  return sampleTickets(count).map(({ id, text, intent }) => ({ key: id, text, label: intent }));
}

async function fileRows(file: string, textField: string, count: number): Promise<Row[]> {
  const rows: Row[] = [];
  const source = createReadStream(file);
  const opened = new Promise<void>((resolve, reject) => {
    source.once("open", () => resolve());
    source.once("error", (error) => reject(new Error(`${file} cannot be read: ${error.message}`)));
  });
  await opened;
  let number = 0;
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
    number += 1;
    if (line.trim() === "") continue;
    rows.push(rowOf(line, { textField, where: `${file} line ${number}`, key: `row-${number}` }));
    if (rows.length === count) break;
  }
  source.destroy();
  if (rows.length === 0) throw new Error(`${file} has no rows.`);
  return rows;
}

function rowOf(
  line: string,
  { textField, where, key }: { textField: string; where: string; key: string },
): Row {
  const record = recordOf(line, where);
  const text = record[textField];
  if (typeof text !== "string")
    throw new Error(
      `${where} has no text "${textField}"; it has ${Object.keys(record).join(", ") || "nothing"}. Use --text-field.`,
    );
  const label = labelFields.map((name) => record[name]).find((each) => typeof each === "string");
  return { key, text, label: typeof label === "string" ? label : null };
}

function recordOf(line: string, where: string): Readonly<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(line));
  } catch {
    throw new Error(`${where} is not a JSON object.`);
  }
}

function labelsOf({ input }: DemoOptions, rows: readonly Row[], notes: string[]): readonly string[] {
  if (input === undefined) {
    notes.push(`${intents.length} labels to choose from, given once for the whole bulk`);
    return intents;
  }
  const found = [...new Set(rows.flatMap(({ label }) => (label === null ? [] : [label.trim()])))].filter(
    (label) => label !== "" && label.length <= 80,
  );
  if (found.length >= labelsMin && found.length <= labelsMax) {
    notes.push(
      `${found.length} labels to choose from, those of the rows themselves, given once for the whole bulk`,
    );
    return found.toSorted();
  }
  notes.push(
    `${intents.length} labels to choose from, those of the sample tickets: the rows name none (intent, label or category)`,
  );
  return intents;
}

const sharedFor = (type: string): Work["shared"] =>
  type === "message" ? { model: "claude-haiku-5-5", max_tokens: 300 } : null;

const inputFor = (type: string, text: string): WorkLine["input"] =>
  type === "message" ? { messages: [{ role: "user", content: text }] } : { text };
