/**
 * Gathers rows and writes them in pieces that ignore where lines end, with back-pressure. Two buffers take turns: one fills while
 * the other is on its way, so a download of any size makes no garbage.
 */
import type { Exchange } from "../exchange.ts";
import { numberParam } from "../faults.ts";
import type { FaultRule } from "../faults.ts";

/** Odd on purpose: borders wander through lines and through the bytes of a character. */
const pieceBytes = 61_003;
const tinyBytes = 7;
const dripBytes = 512;

export class ResultSink {
  readonly #exchange: Exchange;
  readonly #pauseMs: number;
  #filling: Buffer;
  #spare: Buffer;
  #length = 0;
  #onItsWay: Promise<void> = Promise.resolve();
  #gone = false;

  constructor(exchange: Exchange, rule: FaultRule | null) {
    this.#exchange = exchange;
    const isDrip = rule !== null && rule.action === "slow_drip";
    const isTiny = rule !== null && rule.action === "tiny_chunks";
    const bytes = isDrip || isTiny ? numberParam(rule, "bytes", isTiny ? tinyBytes : dripBytes) : pieceBytes;
    this.#pauseMs = isDrip ? numberParam(rule, "interval_ms", 50) : 0;
    this.#filling = Buffer.allocUnsafeSlow(Math.max(1, bytes));
    this.#spare = Buffer.allocUnsafeSlow(Math.max(1, bytes));
    exchange.response.once("close", () => {
      this.#gone = true;
    });
  }

  /** Takes the row if it fits in the piece at hand; true when it does not and has to be written. */
  offer(row: Buffer): boolean {
    if (this.#length + row.length > this.#filling.length) return true;
    row.copy(this.#filling, this.#length);
    this.#length += row.length;
    return false;
  }

  /** Takes a row that does not fit, sending every piece it fills. False when the client has gone. */
  async write(row: Buffer): Promise<boolean> {
    let from = 0;
    while (from < row.length && !this.#gone) {
      const copied = row.copy(this.#filling, this.#length, from);
      this.#length += copied;
      from += copied;
      // oxlint-disable-next-line no-await-in-loop -- pieces follow each other
      if (this.#length === this.#filling.length) await this.#send();
    }
    return !this.#gone;
  }

  /** Sends what is left. False when the client has gone. */
  async flush(): Promise<boolean> {
    if (this.#length > 0) await this.#send();
    await this.#onItsWay;
    return !this.#gone;
  }

  async #send(): Promise<void> {
    const piece = this.#filling.subarray(0, this.#length);
    await this.#onItsWay;
    if (this.#gone) return;
    this.#onItsWay = this.#deliver(piece);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#length = 0;
    if (this.#pauseMs > 0) await this.#exchange.world.clock.wait(this.#pauseMs);
  }

  /** Resolves when the bytes have left, or nobody is there to take them. */
  #deliver(piece: Buffer): Promise<void> {
    return new Promise((resolve) => {
      const { response } = this.#exchange;
      const done = (): void => {
        response.off("close", done);
        resolve();
      };
      response.once("close", done);
      response.write(piece, done);
    });
  }
}
