// How far the heap may grow between two collections.
//
// What a process keeps is small and flat (about 60 MB, whatever the size of an upload or a message batch); the rest of its heap is
// garbage that waits. V8 lets that wait until the heap is four times what is kept, which it derives from the memory of the
// machine. Half as much again is enough here: the same throughput was measured, with 350 MB for a process instead of 550.

import { setFlagsFromString } from "node:v8";

const heapGrowthPercent = 50;

/** Holds for the whole process from the next collection on. */
export function boundHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
}
