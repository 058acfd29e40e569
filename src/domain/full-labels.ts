// Labels whose ceiling has no room: what the dispatcher remembers of them between its looks.
//
// Jobs with labels of their own may be refused by a ceiling on a label that binds nobody else in their bulk. In a long bulk sorted by that
// label they stand before everybody behind them, so a look that found one leaves its label out of the next ones for a while. A bulk that
// then has nothing else to show is left alone for as long: looking over a million resting jobs takes time. It is only a saving: the
// claim decides, and a raised budget makes all of it be forgotten.

/** A label as JSON text (`{"name":"value"}`), full for one tenant's work or for everybody's (null). */
export interface FullLabel {
  readonly tenantId: string | null;
  readonly label: string;
}

/** A look may take a tenth of the time at most: a long one is followed by a longer rest. */
const restPerLook = 10;

export class FullLabels {
  readonly #restMs: number;
  readonly #labels = new Map<string, FullLabel & { untilMs: number }>();
  readonly #bulks = new Map<string, number>();

  constructor(restMs: number) {
    this.#restMs = restMs;
  }

  /** The labels to leave out now. */
  now(nowMs: number): FullLabel[] {
    for (const [key, { untilMs }] of this.#labels) if (untilMs <= nowMs) this.#labels.delete(key);
    return [...this.#labels.values()];
  }

  /** Adds what a look has found; answers whether some of it is news. */
  add(found: readonly FullLabel[], nowMs: number): boolean {
    const before = this.#labels.size;
    for (const full of found) {
      const key = `${full.tenantId ?? ""} ${full.label}`;
      if (!this.#labels.has(key)) this.#labels.set(key, { ...full, untilMs: nowMs + this.#restMs });
    }
    return this.#labels.size > before;
  }

  /** A look that left labels out has found less in these bulks than was asked for: nothing else is there for now. */
  exhaust(bulkIds: readonly string[], nowMs: number, tookMs: number): void {
    for (const id of bulkIds) this.#bulks.set(id, nowMs + Math.max(this.#restMs, tookMs * restPerLook));
  }

  isExhausted(bulkId: string, nowMs: number): boolean {
    const untilMs = this.#bulks.get(bulkId);
    if (untilMs === undefined) return false;
    if (untilMs <= nowMs) this.#bulks.delete(bulkId);
    return untilMs > nowMs;
  }

  forget(): void {
    this.#labels.clear();
    this.#bulks.clear();
  }
}
