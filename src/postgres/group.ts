// Grouping: many small requests of one process become one transaction.
//
// A worker with fifty calls in flight would take fifty locks on the same budget row and wait for fifty commits. Instead a
// request waits while the group before it is at the database, and goes with everything that gathered meanwhile: under load
// the groups grow by themselves, an idle process waits for nobody. Each member gets its own answer; if the database is away, all
// members fail with the same error, and each of them is safe to ask again because the statements are guarded.
//
// One member the database refuses (a value no column takes, a deadlock) would fail its neighbours for ever, because it is asked
// again with them. So the members of a group that was refused are run one by one, and only the refused one fails.

import { ServiceError } from "../domain/errors.ts";

export interface Group<Item, Answer> {
  /** Adds one request; resolves with its own answer. */
  add(item: Item): Promise<Answer>;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
}

export interface GroupOptions<Item, Answer> {
  /** Runs a group and answers one result a member, in the same order. */
  run(items: Item[]): Promise<Answer[]>;
  itemsMax: number;
  /** Transactions at once. One is right where they lock the same rows. */
  inFlightMax: number;
}

interface Waiting<Item, Answer> {
  item: Item;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export function createGroup<Item, Answer>(options: GroupOptions<Item, Answer>): Group<Item, Answer> {
  const waiting: Waiting<Item, Answer>[] = [];
  const idleWaiters: (() => void)[] = [];
  let inFlight = 0;
  let scheduled = false;

  async function runMembers(members: readonly Waiting<Item, Answer>[]): Promise<void> {
    const answers = await options.run(members.map(({ item }) => item));
    for (const [index, member] of members.entries()) {
      const answer = answers[index];
      if (answer === undefined)
        member.reject(new Error("a group answered fewer results than it had members"));
      else member.resolve(answer);
    }
  }

  async function runOne(): Promise<void> {
    const members = waiting.splice(0, options.itemsMax);
    try {
      await runMembers(members);
    } catch (error) {
      if (members.length === 1 || error instanceof ServiceError)
        for (const member of members) member.reject(error);
      else
        for (const member of members) {
          // oxlint-disable-next-line no-await-in-loop -- the point is that they do not go together
          await runMembers([member]).catch((own: unknown) => member.reject(own));
        }
    }
  }

  function pump(): void {
    scheduled = false;
    while (waiting.length > 0 && inFlight < options.inFlightMax) {
      inFlight += 1;
      void runOne().finally(() => {
        inFlight -= 1;
        if (waiting.length > 0) pump();
        else if (inFlight === 0) for (const done of idleWaiters.splice(0)) done();
      });
    }
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        // After the current tick's callbacks: calls that end in the same tick go together.
        if (!scheduled) {
          scheduled = true;
          setImmediate(pump);
        }
      }),
    idle: () =>
      waiting.length === 0 && inFlight === 0
        ? Promise.resolve()
        : new Promise((resolve) => idleWaiters.push(resolve)),
  };
}
