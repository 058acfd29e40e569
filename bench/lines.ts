// The files that are uploaded: questions of bank customers (the banking77 data set where the folder `../shared/data` is there, else
// our own sample tickets), sent to classify-intent with all labels shared once in the first line.

import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { sampleTickets } from "../samples/tickets.ts";

const dataSet = join(import.meta.dirname, "../../shared/data/banking77-train.ndjson");

interface Question {
  text: string;
  intent: string;
}

export interface Questions {
  texts: readonly string[];
  labels: readonly string[];
  /** What they are, for the log. */
  describe: string;
}

export function readQuestions(): Questions {
  const found = existsSync(dataSet);
  const questions: readonly Question[] = found
    ? readFileSync(dataSet, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Question)
    : sampleTickets(10_000);
  return {
    texts: questions.map((question) => question.text),
    labels: [...new Set(questions.map((question) => question.intent))].toSorted(),
    describe: found ? "banking77" : "own samples, since there is no ../shared/data/banking77-train.ndjson",
  };
}

/** Lines of a file: how many, what they share, and the text of each. */
export interface FileOfLines {
  lines: number;
  labels: readonly string[];
  textOf(line: number): string;
}

/** Writes an upload: the shared line, then one line a question. */
export async function writeUpload(path: string, { lines, labels, textOf }: FileOfLines): Promise<string> {
  const file = createWriteStream(path);
  let text = `${JSON.stringify({ shared: { labels } })}\n`;
  for (let line = 0; line < lines; line += 1) {
    text += `${JSON.stringify({ input: { text: textOf(line) } })}\n`;
    if (text.length < 1_000_000 && line < lines - 1) continue;
    if (!file.write(text)) await once(file, "drain");
    text = "";
  }
  file.end();
  await once(file, "close");
  return path;
}

/** The questions over and over. */
export const cycled =
  ({ texts }: Questions): FileOfLines["textOf"] =>
  (line) =>
    texts[line % texts.length] ?? "";

/** Several questions in one text, until it has so many characters. */
export const longer =
  (questions: Questions, chars: number): FileOfLines["textOf"] =>
  (line) => {
    let text = "";
    for (let next = line; text.length < chars; next += 1) text += `${cycled(questions)(next)} `;
    return text.slice(0, chars).trim();
  };
