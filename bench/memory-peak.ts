import { readFileSync } from "node:fs";

/** The largest resident set of a process so far, in MB (10^6 bytes); null where there is no /proc to say it. */
export function peakMb(pid: number): number | null {
  try {
    const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kb === undefined ? null : (Number(kb) * 1_024) / 1_000_000;
  } catch {
    return null;
  }
}

/** The largest of several. */
export function largestPeakMb(pids: readonly number[]): number | null {
  const peaks = pids.map(peakMb).filter((peak) => peak !== null);
  return peaks.length === 0 ? null : Math.max(...peaks);
}
