// A queue as Bull Board sees it. Pause is the flag in Postgres, written and read; counts and entries are BullMQ's. Nothing that
// could be content is passed on: of data, progress and return value only the known ids and figures are shown, so that even an
// entry that somebody else put there by mistake shows nothing.
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { isId } from "../../domain/ids.ts";
import type { EntryQueue } from "../../queue/entries.ts";

export interface PauseSwitch {
  isPaused(): boolean;
  pause(): Promise<void>;
  resume(): Promise<void>;
}

interface AdapterOptions {
  readonly pause: PauseSwitch;
  readonly description: string;
  /** Where the pages of jobs, bulks and message batches are. */
  readonly basePath: string;
}

export class SluiceQueueAdapter extends BullMQAdapter {
  readonly #pause: PauseSwitch;

  constructor(queue: EntryQueue, { pause, description, basePath }: AdapterOptions) {
    super(queue, {
      readOnlyMode: false,
      // Hides the buttons; the routes behind them are refused anyway.
      allowRetries: false,
      description,
      delimiter: ".",
      externalJobUrl: (entry) => ownPage(basePath, entry.data),
    });
    this.#pause = pause;
    this.setFormatter("name", (entry) => nameOf(entry));
    this.setFormatter("data", idsOf);
    this.setFormatter("progress", figuresOf);
    this.setFormatter("returnValue", figuresOf);
  }

  override isPaused(): Promise<boolean> {
    return Promise.resolve(this.#pause.isPaused());
  }

  override pause(): Promise<void> {
    return this.#pause.pause();
  }

  override resume(): Promise<void> {
    return this.#pause.resume();
  }
}

const fieldsOf = (value: unknown): [string, unknown][] =>
  typeof value === "object" && value !== null ? Object.entries(value) : [];

/** A step or the name of a job type, as our own code names entries; anything else is not shown. */
const nameOf = (entry: unknown): string => {
  const name = fieldsOf(entry).find(([field]) => field === "name")?.[1];
  return typeof name === "string" && /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name) ? name : "entry";
};

const idFields = new Set(["bulkId", "jobId", "batchId", "tenantId", "queueId"]);

/** Ids under their known names, and numbers. */
function idsOf(data: unknown): object {
  return Object.fromEntries(
    fieldsOf(data).filter(
      ([field, value]) =>
        typeof value === "number" ||
        (idFields.has(field) && isText(value) && (isId(value) || value === "installation")),
    ),
  );
}

const isText = (value: unknown): value is string => typeof value === "string";
// An amount, or one of the words for why something waits: nothing longer than a code.
const isCode = (value: unknown): boolean => isText(value) && /^[\w.-]{1,40}$/.test(value);

/** Numbers, amounts and codes, one level of figures below them. */
function figuresOf(value: unknown): unknown {
  if (typeof value === "number" || value === null || value === undefined) return value ?? null;
  return Object.fromEntries(
    fieldsOf(value).flatMap(([field, inner]) => {
      if (typeof inner === "number" || inner === null || isCode(inner)) return [[field, inner]];
      const counts = fieldsOf(inner).filter(([, count]) => typeof count === "number");
      return counts.length === 0 ? [] : [[field, Object.fromEntries(counts)]];
    }),
  );
}

const pages: readonly (readonly [field: string, page: string, text: string])[] = [
  ["jobId", "jobs", "This job"],
  ["batchId", "message-batches", "This message batch"],
  ["bulkId", "bulks", "This bulk"],
];

function ownPage(basePath: string, data: unknown): { href: string; displayText: string } {
  const ids = new Map(fieldsOf(idsOf(data)));
  for (const [field, page, displayText] of pages) {
    const id = ids.get(field);
    if (isText(id)) return { href: `${basePath}/${page}/${id}`, displayText };
  }
  return { href: `${basePath}/queues`, displayText: "All queues" };
}
