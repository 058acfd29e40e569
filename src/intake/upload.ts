// What an upload has gathered so far: a chunk of jobs that waits to be written, and everything that was wrong. Pure bookkeeping;
// the transaction around it is in submit.ts. Memory is bounded by one chunk of jobs and one list of errors.
import { limits } from "../config/limits.ts";
import { type BulkLoad, tokensBound } from "../domain/caps.ts";
import { type FieldError, ServiceError } from "../domain/errors.ts";
import type { CompiledJobType } from "../domain/compile-job-type.ts";
import { isRecord } from "../domain/json-value.ts";
import type { PreparedJobs } from "../domain/prepared-jobs.ts";
import type { Lane } from "../domain/job.ts";
import type { LineError, NewJob } from "../postgres/intake.ts";
import { refuseIfAbove } from "./caps.ts";
import { checkLine, type JobLine, type LineRules } from "./check-line.ts";
import type { ReadLine } from "./read-line.ts";

type NumberedError = LineError & { readonly n: number };
/** A line as read from an upload, or a job that is to be tried again. */
export type Line = ReadLine | ({ readonly kind: "job" } & JobLine);

export interface LaneLoad {
  jobs: number;
  worstNano: bigint;
}

/** Codes that say more than "invalid". */
const lineCodes = ["price_unknown", "unbounded_cost", "cap_exceeded"] as const;

export class Upload {
  readonly #jobType: CompiledJobType;
  readonly #rules: LineRules;
  /** Canonical JSON text of what the lines share. */
  #shared: string | null = null;
  #prepared: PreparedJobs | null = null;
  #jobs: NewJob[] = [];
  #bytes = 0;
  #newErrors: NumberedError[] = [];
  #kept = 0;
  readonly #inline: LineError[] = [];
  readonly #codes = new Set<string>();
  #invalid = 0;
  #accepted = 0;
  #deadlineSweepAt: Date | null = null;
  #requestBytes = 0;
  #tokens = 0;
  readonly #lanes: Record<Lane, LaneLoad> = {
    realtime: { jobs: 0, worstNano: 0n },
    batch: { jobs: 0, worstNano: 0n },
  };

  constructor(jobType: CompiledJobType, rules: LineRules) {
    this.#jobType = jobType;
    this.#rules = rules;
  }

  get shared(): string | null {
    return this.#shared;
  }
  get chunkIsFull(): boolean {
    return this.#jobs.length >= limits.intakeChunkLinesMax || this.#bytes >= limits.intakeChunkBytesMax;
  }
  /** Lines stored, once every chunk has been counted. */
  get accepted(): number {
    return this.#accepted;
  }
  /** Of the accepted ones, how many go into each lane and the most one attempt of each can cost together. */
  get lanes(): Readonly<Record<Lane, Readonly<LaneLoad>>> {
    return this.#lanes;
  }
  /** The most one attempt of every accepted line can cost, nano-dollars. */
  get worstNano(): bigint {
    return this.#lanes.realtime.worstNano + this.#lanes.batch.worstNano;
  }
  /** What the accepted lines take with one attempt each. */
  get load(): BulkLoad {
    return { accepted: this.#accepted, bytes: this.#requestBytes, tokens: this.#tokens };
  }
  /** Lines left out. */
  get invalid(): number {
    return this.#invalid;
  }
  /** When the first job that ends at its deadline would do so. */
  get deadlineSweepAt(): Date | null {
    return this.#deadlineSweepAt;
  }
  /** The one catalogue code all errors have; null if they differ or are plain invalid input. */
  get commonCode(): (typeof lineCodes)[number] | null {
    const [code] = this.#codes;
    return this.#codes.size === 1 ? (lineCodes.find((each) => each === code) ?? null) : null;
  }
  /** The first errors, by line. */
  get inlineErrors(): LineError[] {
    return this.#inline.toSorted((a, b) => a.line - b.line);
  }

  /**
   * Gives what all lines share; must come before the first of them.
   * @throws ServiceError invalid_input, whatever the upload says about invalid lines: every line would depend on it
   */
  share(shared: unknown, line: number | null): void {
    const checked = this.#jobType.checkShared(shared);
    if (!checked.ok) {
      const place = line === null ? {} : { line };
      const fields = checked.errors.map(({ field, reason }) => ({
        ...place,
        field: field === "" ? "shared" : `shared.${field}`,
        reason,
      }));
      throw new ServiceError("invalid_input", { detail: "What the lines share is not valid.", fields });
    }
    this.#shared = checked.shared;
    const values: unknown = JSON.parse(checked.shared);
    this.#prepared = this.#jobType.prepare(isRecord(values) ? values : null, this.#rules.caps);
  }

  take(line: Line): void {
    if (line.kind === "invalid") {
      this.#leaveOut(line.number, line.errors, ["invalid_input"]);
    } else if (line.kind === "shared") {
      if (this.#prepared === null) this.share(line.shared, line.number);
      else
        this.#leaveOut(
          line.number,
          [{ field: "shared", reason: "may only be the first line" }],
          ["invalid_input"],
        );
    } else {
      this.#prepared ??= this.#jobType.prepare(null, this.#rules.caps);
      const checked = checkLine(line, this.#prepared, this.#rules);
      if (checked.ok) this.#accept(checked.job, checked.bytes);
      else this.#leaveOut(line.number, checked.errors, checked.codes);
    }
  }

  /** The jobs gathered since the last time; the caller writes them and then calls `counted`. */
  takeJobs(): NewJob[] {
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#bytes = 0;
    return jobs;
  }

  /**
   * Counts a chunk that was written but for the lines whose key was taken.
   * @throws ServiceError cap_exceeded once the lines break a cap of the bulk as a whole
   */
  counted(jobs: readonly NewJob[], duplicates: readonly number[]): void {
    const left = new Set(duplicates);
    for (const line of duplicates)
      this.#leaveOut(
        line,
        [{ field: "key", reason: "is used by an earlier line of this upload" }],
        ["invalid_input"],
      );
    this.#accepted += jobs.length - duplicates.length;
    for (const { deadlineAt, line, lane, worstNano, request } of jobs) {
      if (left.has(line)) continue;
      this.#requestBytes += request.bytes;
      this.#tokens += tokensBound(request);
      this.#lanes[lane].jobs += 1;
      this.#lanes[lane].worstNano += worstNano;
      if (deadlineAt === null || !this.#jobType.expiresAtDeadline) continue;
      if (this.#deadlineSweepAt === null || deadlineAt < this.#deadlineSweepAt)
        this.#deadlineSweepAt = deadlineAt;
    }
    refuseIfAbove(this.load, this.#rules.caps);
  }

  /** The errors gathered since the last time, to be stored; at most `uploadErrorsStoredMax` over the upload. */
  takeErrors(): NumberedError[] {
    const errors = this.#newErrors;
    this.#newErrors = [];
    return errors;
  }

  #accept(job: NewJob, bytes: number): void {
    this.#jobs.push(job);
    this.#bytes += bytes;
  }

  #leaveOut(line: number, errors: readonly FieldError[], codes: readonly string[]): void {
    this.#invalid += 1;
    for (const code of codes) this.#codes.add(code);
    for (const [n, { field, reason }] of errors.slice(0, limits.fieldErrorsMax).entries()) {
      if (this.#inline.length < limits.uploadErrorsInlineMax) this.#inline.push({ line, field, reason });
      if (this.#kept < limits.uploadErrorsStoredMax) {
        this.#kept += 1;
        this.#newErrors.push({ line, n, field, reason });
      }
    }
  }
}
