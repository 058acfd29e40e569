/**
 * A local Anthropic API: Messages, token counting, Message Batches and Models, with its own clock, limits, faults and bill. It
 * stands alone and shares no code with the product, so that the product's books can be held against what the provider would
 * charge. Everything it decides follows from its seed and from what it is sent.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BatchStore } from "./batches/store.ts";
import { VirtualClock } from "./clock.ts";
import { control } from "./control/endpoints.ts";
import { Faults } from "./faults.ts";
import type { FaultRequest, FaultRule } from "./faults.ts";
import { createIds } from "./ids.ts";
import { Invoice } from "./invoice.ts";
import { Limits } from "./limits.ts";
import { PromptCache } from "./messages/prompt-cache.ts";
import { resolveBehaviour, resolveSettings } from "./options.ts";
import type { SimulatorOptions } from "./options.ts";
import { RequestLog } from "./request-log.ts";
import { handle } from "./router.ts";
import type { World } from "./world.ts";

export interface Simulator {
  readonly url: string;
  readonly port: number;
  /** For tests in the same process; the same things can be done over `/_sim/*`. */
  readonly world: World;
  /** Jumps the clock and produces everything that became due. */
  advance(byMs: number): Promise<void>;
  addFault(fault: FaultRequest): FaultRule;
  /** The bill so far, everything due included. */
  totalNano(): Promise<bigint>;
  close(): Promise<void>;
}

/** Connections outlive the idle time of every HTTP client in use, so that it is the client that closes first. */
const keepAliveMs = 120_000;

const createWorld = (options: SimulatorOptions): World => {
  const settings = resolveSettings(options);
  const clock = new VirtualClock(settings.startMs, settings.clockRate);
  return {
    settings,
    behaviour: resolveBehaviour(options),
    clock,
    ids: createIds(settings.seed),
    invoice: new Invoice(clock, settings.billedItemsMax),
    log: new RequestLog(clock, settings.logEntriesMax),
    limits: new Limits(settings.limits, clock),
    faults: new Faults(),
    cache: new PromptCache(clock),
    batches: new BatchStore(),
  };
};

const addressOf = (address: string | AddressInfo | null): AddressInfo => {
  if (address === null || typeof address === "string")
    throw new Error("the server does not listen on a port");
  return address;
};

/** Starts a simulator; port 0 (the default) takes a free one. */
export const startSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const world = createWorld(options);
  const server = createServer(
    { noDelay: true, requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: keepAliveMs },
    (request, response) => {
      void (request.url?.startsWith("/_sim/") === true
        ? control(world, request, response)
        : handle(world, request, response));
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(world.settings.port, world.settings.host, resolve);
  });
  const { port } = addressOf(server.address());
  return {
    url: `http://${world.settings.host}:${port}`,
    port,
    world,
    advance: async (byMs) => {
      world.clock.advance(byMs);
      await world.batches.settle(world);
    },
    addFault: (fault) => world.faults.add(fault),
    totalNano: async () => {
      await world.batches.settle(world);
      return world.invoice.totalNano();
    },
    close: () =>
      new Promise((resolve) => {
        world.clock.stop();
        world.batches.close();
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
};
