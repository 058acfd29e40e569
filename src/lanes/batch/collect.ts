// The collector: looks which queues have lines waiting and forms message batches of them, queue by queue, until nothing more is
// ripe. It holds no state that matters: where it went round last time and which ceilings were bound a moment ago only save work.

import { limits } from "../../config/limits.ts";
import { shareOut } from "../../domain/share.ts";
import type { WaitingBulk } from "../../domain/share.ts";
import { holdBack, standingOf } from "../../domain/refused-models.ts";
import type { ModelStanding } from "../../domain/refused-models.ts";
import type { WorkScope } from "../../domain/work-scope.ts";
import { reach } from "../../observe/points.ts";
import { readCredential } from "../../postgres/credentials.ts";
import { formIntent } from "../../postgres/message-batch-intent.ts";
import type { IntentEnd } from "../../postgres/message-batch-intent.ts";
import { readLineBulks, readWaitingQueues } from "../../postgres/message-batch-waiting.ts";
import type { LineBulk, WaitingQueue } from "../../postgres/message-batch-waiting.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";

export interface Collected {
  /** Batches formed in this round; each is to be submitted. */
  readonly batchIds: readonly string[];
  /** When the next lines will have lingered, if they wait for that only. */
  readonly dueAt: Date | null;
}

export interface Collector {
  /** One round over all queues. */
  runOnce(): Promise<Collected>;
  /** A budget was raised or a window changed: queues that were bound are looked at whole again. */
  forgetBounds(): void;
}

/** Batches formed for one queue in one round at most: then the others have their turn. */
const packsPerRound = 10;

/** What is remembered from round to round, by queue. */
interface Memory {
  /** When a ceiling was last found bound, in Unix milliseconds. */
  readonly boundAtMs: Map<string, number>;
  /** The last bulk looked at, where there were too many for one look. */
  readonly cursors: Map<string, string>;
  /** Lines of the last pack that was full by its bytes: more of them need not be read and locked for the next. */
  readonly linesThatFit: Map<string, number>;
  turn: number;
}

export function createCollector(deps: BatchLaneDeps): Collector {
  const memory: Memory = { boundAtMs: new Map(), cursors: new Map(), linesThatFit: new Map(), turn: 0 };
  return {
    async runOnce() {
      const standing = await mayCreate(deps);
      if (standing === null) return { batchIds: [], dueAt: null };
      const round = { standing };
      const queues = await readWaitingQueues(deps.pool, deps.clock.now());
      const batchIds: string[] = [];
      let dueAt: Date | null = null;
      for (const queue of queues) {
        // oxlint-disable-next-line no-await-in-loop -- one queue after the other: they share the credential's counts
        const collected = await collectQueue(queue, memory, { ...deps, round });
        batchIds.push(...collected.batchIds);
        if (collected.dueAt !== null && (dueAt === null || collected.dueAt < dueAt)) dueAt = collected.dueAt;
      }
      return { batchIds, dueAt };
    },
    forgetBounds: () => memory.boundAtMs.clear(),
  };
}

/** While the credential is stopped, one try after a while shows whether it is good again. */
async function mayCreate({ pool, credentialId, clock }: BatchLaneDeps): Promise<ModelStanding | null> {
  const credential = await readCredential(pool, credentialId);
  if (credential === null) return null;
  const now = clock.now();
  const stoppedMs = credential.stoppedAt === null ? Infinity : now.getTime() - credential.stoppedAt.getTime();
  if (stoppedMs < batchLaneBounds.credentialProbeMs) return null;
  return standingOf(credential.refusedModels, now, batchLaneBounds.modelProbeMs);
}

/** What a round works with: which models are held back was read at its begin, and those it has tried itself came to them. */
type RoundDeps = BatchLaneDeps & { readonly round: { standing: ModelStanding } };

async function collectQueue(queue: WaitingQueue, memory: Memory, deps: RoundDeps): Promise<Collected> {
  const batchIds: string[] = [];
  for (let round = 0; round < packsPerRound; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one pack after the other: each changes what is left for the next
    const end = await packQueue(queue, memory, deps);
    if (end.kind === "lingers") return { batchIds, dueAt: end.until };
    if (end.kind !== "formed") break;
    batchIds.push(end.batchId);
  }
  return { batchIds, dueAt: null };
}

async function packQueue(queue: WaitingQueue, memory: Memory, deps: RoundDeps): Promise<IntentEnd> {
  const { config, clock, log } = deps;
  const nowMs = clock.now().getTime();
  const boundAt = memory.boundAtMs.get(queue.queueId);
  if (boundAt !== undefined && nowMs - boundAt < batchLaneBounds.budgetRetryMs) return { kind: "budget" };
  // A ceiling that was bound is first looked at with a few lines: reading ten thousand to find no room again is dear.
  const probeLines =
    boundAt === undefined ? linesWorthReading(queue, memory) : batchLaneBounds.boundProbeLines;
  const linesMax = Math.min(probeLines, config.batchLinesMax);
  const bulks = await readOpenBulks(queue, memory, deps);
  memory.turn += 1;
  const shares = shareOut(
    linesMax,
    bulks.map((bulk) => waitingOf(bulk, queue)),
    memory.turn,
  );
  if (shares.size === 0) return { kind: "empty" };
  const end = await formIntent(deps.pool, {
    queue,
    bulks,
    shares,
    limits: {
      linesMax: config.batchLinesMax,
      bytesMax: Math.min(config.batchBytesMax, limits.providerBatchBytesMax),
    },
    // Lines that fit again under a ceiling have waited long enough.
    lingerMs: boundAt === undefined ? config.batchLingerMs : 0,
    openMax: openMaxOf(bulks, queue, deps),
    credentialId: deps.credentialId,
    processId: deps.processId,
    unbudgeted: config.unbudgeted,
    tightening: deps.tightening,
    now: new Date(nowMs),
    isOpen: (scope) => deps.gate(scope).open && deps.jobTypes.has(scope.jobType),
    models: deps.round.standing,
    newId: deps.newId,
  });
  if (end.kind === "lingers" && memory.linesThatFit.delete(queue.queueId))
    return packQueue(queue, memory, deps);
  if (end.kind === "budget") {
    if (boundAt === undefined) log.event("budget.bound", { queueId: queue.queueId, lane: "batch" });
    memory.boundAtMs.set(queue.queueId, nowMs);
  } else if (end.kind === "formed") {
    reach("batch.intent_committed");
    memory.boundAtMs.delete(queue.queueId);
    deps.round.standing = holdBack(deps.round.standing, end.tried);
    if (end.why === "full") memory.linesThatFit.set(queue.queueId, end.lines);
    else memory.linesThatFit.delete(queue.queueId);
    log.event("batch.intended", {
      batchId: end.batchId,
      queueId: queue.queueId,
      lines: end.lines,
      heldNano: end.heldNano,
      why: end.why,
    });
  }
  return end;
}

/**
 * Message batches that may be open at once. After a stop of their work was lifted it is a share of all, so that what has gathered does not
 * go out, and cost, in one moment; batches stay as large as ever, because a small one would keep its place for up to a day.
 */
function openMaxOf(bulks: readonly LineBulk[], queue: WaitingQueue, { widthOf }: BatchLaneDeps): number {
  const width = bulks.reduce((least, bulk) => Math.min(least, widthOf(scopeOf(bulk, queue))), 1);
  return Math.ceil(limits.batchesOpenMax * width);
}

/** A tenth more than fitted last time; what is too little is found out at once, since such a pack is not full. */
function linesWorthReading({ queueId }: WaitingQueue, { linesThatFit }: Memory): number {
  return Math.ceil((linesThatFit.get(queueId) ?? Infinity) * 1.1);
}

/** The bulks whose work may start now, going on behind those of the last look. */
async function readOpenBulks(queue: WaitingQueue, memory: Memory, deps: BatchLaneDeps): Promise<LineBulk[]> {
  const { cursors } = memory;
  const bulksMax = batchLaneBounds.bulksPerPackMax;
  const cursor = cursors.get(queue.queueId) ?? "";
  const bulks = await readLineBulks(deps.pool, queue.queueId, cursor, bulksMax);
  const last = bulks.length < bulksMax ? undefined : bulks.at(-1);
  // Past the end the next look begins with the oldest again, and so does this one if there was nothing.
  if (last === undefined) cursors.delete(queue.queueId);
  else cursors.set(queue.queueId, last.bulkId);
  if (bulks.length === 0 && cursor !== "") return readOpenBulks(queue, memory, deps);
  return bulks.filter((bulk) => deps.jobTypes.has(bulk.jobType) && deps.gate(scopeOf(bulk, queue)).open);
}

/** A bulk is one queue's and one type's; which models its lines name is seen when they are read. */
const scopeOf = (bulk: LineBulk, queue: WaitingQueue): WorkScope => ({
  tenantId: bulk.tenantId,
  queueId: queue.queueId,
  jobType: bulk.jobType,
  model: "",
  bulkId: bulk.bulkId,
});

const waitingOf = (bulk: LineBulk, queue: WaitingQueue): WaitingBulk => ({
  bulkId: bulk.bulkId,
  tenantId: bulk.tenantId,
  queueId: queue.queueId,
  waiting: bulk.waiting,
  out: 0,
  concurrencyMax: null,
});
