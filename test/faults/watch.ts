// Looks on while a run goes on, by a connection of its own: some wrongs are righted again before the end and would not be seen then.
// An outcome that changes, a ceiling that is passed for a moment, money in flight that nothing is held for.

import type { Simulator } from "../../src/simulator/server.ts";
import { readBill } from "../support/bill.ts";
import { SteadyClient } from "../support/steady-client.ts";

const lookEveryMs = 150;

interface Finished {
  readonly id: string;
  readonly state: string;
  readonly finish_seq: string;
}

export class Watch {
  readonly #db: SteadyClient;
  readonly #simulator: Simulator;
  readonly #outcomes = new Map<string, string>();
  readonly #objections = new Set<string>();
  #overspendNano = 0n;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  static begin(databaseUrl: string, simulator: Simulator): Watch {
    const watch = new Watch(new SteadyClient(databaseUrl), simulator);
    watch.#timer = setInterval(() => void watch.look(), lookEveryMs);
    return watch;
  }

  private constructor(db: SteadyClient, simulator: Simulator) {
    this.#db = db;
    this.#simulator = simulator;
  }

  get objections(): string[] {
    return [...this.#objections];
  }

  /** The most by which the bill of a queue was above its ceiling, over all queues. */
  get overspendNano(): bigint {
    return this.#overspendNano;
  }

  /** One look. Also asked for right before the ceilings are lifted: the bill until then must fit under the low ones. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.look();
    await this.#db.end();
  }

  async #look(): Promise<void> {
    await this.#lookAtOutcomes();
    await this.#lookAtHolds();
    await this.#lookAtBill();
  }

  async #lookAtOutcomes(): Promise<void> {
    const { rows } = await this.#db.query<Finished>(
      "SELECT id, state, finish_seq FROM jobs WHERE finished_at IS NOT NULL",
    );
    for (const { id, state, finish_seq: finishSeq } of rows) {
      const outcome = `${state} ${finishSeq}`;
      const known = this.#outcomes.get(id);
      if (known !== undefined && known !== outcome)
        this.#objections.add(`job ${id} had its outcome (${known}) and got another (${outcome})`);
      this.#outcomes.set(id, outcome);
    }
  }

  /** In one statement, so in one moment: what is in flight is held for, and nothing passes its ceiling. */
  async #lookAtHolds(): Promise<void> {
    const { rows } = await this.#db.query<{ id: string; over: boolean }>(
      `SELECT w.id, w.spent_nano + w.held_nano > w.limit_nano AS over
         FROM budget_windows w
        WHERE w.spent_nano + w.held_nano > w.limit_nano AND w.overrun_nano = 0
           OR w.held_nano < (SELECT coalesce(sum(a.worst_nano), 0) FROM attempts a WHERE a.state = 'open' AND w.id = ANY (a.window_ids))`,
    );
    for (const { id, over } of rows)
      this.#objections.add(
        over
          ? `window ${id} has spent and holds more than its limit`
          : `window ${id} holds less than what is in flight`,
      );
  }

  async #lookAtBill(): Promise<void> {
    const { rows } = await this.#db.query<{ id: string; marker: string | null; queue_id: string }>(
      `SELECT j.id, j.queue_id, substring(i.input from 'sim-marker:([[:alnum:]_.-]+)') AS marker
         FROM jobs j LEFT JOIN job_inputs i ON i.job_id = j.id`,
    );
    const queueOf = new Map(
      rows.flatMap((row) => [
        [row.id, row.queue_id],
        [row.marker ?? row.id, row.queue_id],
      ]),
    );
    const bills = new Map<string, bigint>();
    for (const { jobId, marker, nano } of readBill(this.#simulator)) {
      const queue = queueOf.get(jobId ?? marker ?? "");
      if (queue !== undefined) bills.set(queue, (bills.get(queue) ?? 0n) + nano);
    }
    const { rows: limits } = await this.#db.query<{ target: string; limit_nano: string }>(
      "SELECT target, limit_nano FROM budgets WHERE scope = 'queue' AND ended_at IS NULL",
    );
    for (const { target, limit_nano: limit } of limits) {
      const over = (bills.get(target) ?? 0n) - BigInt(limit);
      if (over <= 0n) continue;
      this.#objections.add(`the bill of queue ${target} is above its ceiling of ${limit}`);
      if (over > this.#overspendNano) this.#overspendNano = over;
    }
  }
}
