// The process's own source of ids: system time, and chance from the operating system drawn in blocks, since one system call
// per character would cost more than the id.
import { randomFillSync } from "node:crypto";
import { createIdSource } from "../domain/ids.ts";

const pool = new Uint8Array(4_096);
let used = pool.length;

function chance(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return (pool[used++] ?? 0) / 256;
}

/** A new id: 26 lower-case characters, greater than every id this process made before. */
export const newId: () => string = createIdSource(Date.now, chance);
