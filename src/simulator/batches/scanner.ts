/**
 * Reads `{"requests":[…]}` as it arrives and hands over each element's bytes, so that a body of 256 MB is never held or parsed
 * as a whole. What stands around the elements is kept as a skeleton with a 0 for each of them: parsing the skeleton at the end
 * proves that the frame was valid JSON, the caller proves it for each element.
 */
import { parseJson } from "../json.ts";

const skeletonBytesMax = 4 * 1024 * 1024;

const quote = 0x22;
const backslash = 0x5c;
const openings = new Set([0x7b, 0x5b]);
const closings = new Set([0x7d, 0x5d]);
const comma = 0x2c;
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d]);

export class RequestScanner {
  readonly #take: (element: Buffer) => void;
  readonly #skeleton: Buffer[] = [];
  #skeletonBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Depth inside the list of requests; 0 while outside. */
  #listDepth = 0;
  #pending: Buffer[] = [];
  #inElement = false;
  #isTooLong = false;

  constructor(take: (element: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length)
      from = this.#inElement ? this.#scanElement(chunk, from) : this.#scanFrame(chunk, from);
  }

  /** The frame, parsed: `requests` holds a 0 per element. Throws the API's 400 for malformed JSON. */
  finish(): unknown {
    // An element that never closed makes the frame invalid: its 0 is missing.
    return parseJson(this.#isTooLong ? Buffer.from("{") : Buffer.concat(this.#skeleton));
  }

  // oxlint-disable-next-line complexity -- one loop over up to 256 MB; taken apart it would be several times slower
  #scanElement(chunk: Buffer, from: number): number {
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let at = from;
    while (at < chunk.length && depth > this.#listDepth) {
      const byte = chunk[at] ?? 0;
      at += 1;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) inString = true;
      else if (byte === 0x7b || byte === 0x5b) depth += 1;
      else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    this.#pending.push(chunk.subarray(from, at));
    if (depth === this.#listDepth) this.#closeElement();
    return at;
  }

  #closeElement(): void {
    this.#inElement = false;
    const [only] = this.#pending;
    const element = this.#pending.length === 1 && only !== undefined ? only : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#keep(Buffer.from("0"));
    this.#take(element);
  }

  /** Walks over what is not an element, up to the start of one. */
  #scanFrame(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      const startsElement =
        !this.#inString && this.#depth === this.#listDepth && this.#listDepth > 0 && openings.has(byte);
      if (startsElement) {
        this.#keep(chunk.subarray(from, at));
        this.#inElement = true;
        this.#depth += 1;
        this.#pending = [chunk.subarray(at, at + 1)];
        return at + 1;
      }
      at += 1;
      this.#step(byte, () => Buffer.concat([...this.#skeleton.slice(-64), chunk.subarray(from, at - 1)]));
    }
    this.#keep(chunk.subarray(from, at));
    return at;
  }

  #step(byte: number, before: () => Buffer): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.#inString = false;
      return;
    }
    if (byte === comma || spaces.has(byte)) return;
    if (byte === quote) this.#inString = true;
    else if (openings.has(byte)) this.#open(byte, before);
    else if (closings.has(byte)) this.#close();
  }

  #open(byte: number, before: () => Buffer): void {
    this.#depth += 1;
    if (byte === 0x5b && this.#depth === 2 && /"requests"\s*:\s*$/.test(before().toString("latin1")))
      this.#listDepth = 2;
  }

  #close(): void {
    if (this.#depth === this.#listDepth) this.#listDepth = 0;
    this.#depth -= 1;
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#skeletonBytes += bytes.length;
    if (this.#skeletonBytes > skeletonBytesMax) this.#isTooLong = true;
    else this.#skeleton.push(Buffer.from(bytes));
  }
}
