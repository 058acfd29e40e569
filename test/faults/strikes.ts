// The blows that fell: those that a process dealt itself at a named point, read from the file they all append to, and those dealt
// from outside. Each is noted with whether paid work was in flight: an open attempt is a call or a line that money is held for.

import { closeSync, openSync, readSync } from "node:fs";
import type { Point } from "../../src/observe/points.ts";
import type { SteadyClient } from "../support/steady-client.ts";
import type { Blow } from "./plan.ts";

export interface Strike {
  /** Null: at a moment of the schedule. */
  readonly point: Point | null;
  readonly blow: Blow;
  readonly pid: number;
  readonly atMs: number;
  readonly paid: boolean;
  /** Of a freeze: when it was let go on. */
  goneOnMs?: number;
}

interface ReportLine {
  readonly point: Point;
  readonly blow: Blow | null;
  readonly pid: number;
  readonly atMs: number;
}

const lookEveryMs = 30;

export class StrikeLog {
  readonly strikes: Strike[] = [];
  /** Points that were come by, struck or not. */
  readonly reached = new Set<Point>();
  readonly #file: number;
  readonly #db: SteadyClient;
  readonly #onStrike: (strike: Strike) => void;
  readonly #timer: NodeJS.Timeout;
  #text = "";
  #looking: Promise<void> = Promise.resolve();

  constructor(file: string, db: SteadyClient, onStrike: (strike: Strike) => void) {
    this.#file = openSync(file, "a+");
    this.#db = db;
    this.#onStrike = onStrike;
    this.#timer = setInterval(() => void this.look(), lookEveryMs);
  }

  /** Notes a blow, and whether paid work was in flight when it fell. */
  async add(strike: Omit<Strike, "paid">): Promise<void> {
    const { rows } = await this.#db.query<{ paid: boolean }>(
      "SELECT EXISTS (SELECT 1 FROM attempts WHERE state = 'open') AS paid",
    );
    const noted: Strike = { ...strike, paid: rows[0]?.paid === true };
    this.strikes.push(noted);
    this.#onStrike(noted);
  }

  /** Reads what has been written since the last look. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#read());
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.look();
    closeSync(this.#file);
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(65_536);
    for (let bytes = readSync(this.#file, buffer); bytes > 0; bytes = readSync(this.#file, buffer))
      this.#text += buffer.toString("utf8", 0, bytes);
    const lines = this.#text.split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      const { point, blow, pid, atMs } = JSON.parse(line) as ReportLine;
      this.reached.add(point);
      if (blow !== null) await this.add({ point, blow, pid, atMs });
    }
  }
}
